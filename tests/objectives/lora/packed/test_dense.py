"""Products and attention on a CPU: the same numbers with whichever library is fastest."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import linear, scaled_dot_product_attention

from objectives.lora.packed import attention, device
from objectives.lora.packed import device as dense
from objectives.lora.packed.attention import stretch_on_cpu
from objectives.lora.packed.device import multiply

AMD = {"cpu_name": "AMD EPYC 9755", "avx512_f": True, "avx512_bf16": True}


@pytest.fixture(autouse=True)
def _afresh() -> None:
    device.prefers_onednn.cache_clear()
    device.has_bfloat16.cache_clear()


def by_onednn(monkeypatch: pytest.MonkeyPatch, *, wanted: bool = True) -> None:
    """Use oneDNN for products, whatever the processor."""
    monkeypatch.setattr(dense, "prefers_onednn", lambda: wanted)


@pytest.mark.parametrize(
    ("known", "onednn", "bfloat16"),
    [
        (AMD, True, True),
        ({**AMD, "avx512_f": False, "avx512_bf16": False}, False, False),  # Zen 3
        ({"cpu_name": "Intel(R) Xeon(R) 6980P", "avx512_f": True, "amx_bf16": True}, False, True),
        ({"cpu_name": "Apple M4", "architecture": "arm64"}, False, False),
        ({}, False, False),
    ],
)
def test_a_cpu_is_recognised_by_its_capabilities(
    monkeypatch: pytest.MonkeyPatch, known: dict[str, object], *, onednn: bool, bfloat16: bool
) -> None:
    """Not by measured speed."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)

    assert (device.prefers_onednn(), device.has_bfloat16()) == (onednn, bfloat16)


def test_an_older_pytorch_uses_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``get_capabilities`` is newer than the oldest supported release."""
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)

    assert not device.prefers_onednn()
    assert not device.has_bfloat16()


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch without oneDNN")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("places", [0, 1, 7, 777])
@pytest.mark.parametrize("turned", [True, False])
def test_both_libraries_multiply_alike(
    monkeypatch: pytest.MonkeyPatch, *, bias: bool, places: int, turned: bool
) -> None:
    """Up to rounding, with the weight transposed or not, with rows or none."""
    torch.manual_seed(0)
    rows = torch.randn(places, 96)
    weight = torch.randn(96, 160).t() if turned else torch.randn(160, 96)
    offset = torch.randn(160) if bias else None
    by_onednn(monkeypatch)

    found = multiply(rows, weight, offset)

    assert not found.is_mkldnn
    torch.testing.assert_close(found, linear(rows, weight, offset), rtol=1e-5, atol=2e-5)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch without oneDNN")
@pytest.mark.parametrize("wanted", [True, False])
def test_a_row_of_a_product_depends_on_that_row_only(
    monkeypatch: pytest.MonkeyPatch, *, wanted: bool
) -> None:
    """Bit for bit at any position, so that a trial is the same in any pack."""
    torch.manual_seed(0)
    rows, weight = torch.randn(333, 320), torch.randn(1280, 320)
    by_onednn(monkeypatch, wanted=wanted)
    alone = multiply(rows, weight)

    for before in (1, 3, 64):
        among = torch.randn(500, 320)
        among[before : before + 333] = rows
        assert torch.equal(multiply(among[before : before + 333], weight), alone)


def window(tokens: int, dtype: torch.dtype = torch.bfloat16) -> list[torch.Tensor]:
    """Query, key and value of one window within a longer batch."""
    torch.manual_seed(tokens)
    wide = [torch.randn(1, 4, tokens + 9, 16).to(dtype) for _ in range(3)]
    return [tensor[:, :, 5 : 5 + tokens].requires_grad_() for tensor in wide]


@pytest.fixture
def _bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "has_bfloat16", lambda: True)


def attended(parts: list[torch.Tensor]) -> list[torch.Tensor]:
    """The output, and the gradients of each input."""
    out = stretch_on_cpu(parts[0], parts[1], parts[2], scale=0.25)
    torch.manual_seed(1)
    return [out, *torch.autograd.grad(out, parts, torch.randn_like(out))]


@pytest.mark.usefixtures("_bfloat16")
@pytest.mark.parametrize("tokens", [1, 3, 65, 258])
def test_unfused_attention_equals_the_fused_one_to_bfloat16(tokens: int) -> None:
    """Against float32 on the same rounded input, values and gradients."""
    parts = window(tokens)
    wide = [part.detach().float().requires_grad_() for part in parts]
    truth = scaled_dot_product_attention(wide[0], wide[1], wide[2], scale=0.25)
    found = attended(parts)
    torch.manual_seed(1)
    gradients = torch.autograd.grad(truth, wide, torch.randn_like(found[0]).float())

    for own, other in zip(found, [truth, *gradients], strict=True):
        off = (own.detach().float() - other.detach()).norm()
        assert own.dtype == torch.bfloat16
        assert off <= 0.02 * other.detach().norm()


@pytest.mark.usefixtures("_bfloat16")
def test_recomputed_probabilities_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit: a window's length only decides whether they are stored."""
    kept = attended(window(130))
    monkeypatch.setattr(attention, "_KEPT", 0)
    again = attended(window(130))

    assert all(torch.equal(one, other) for one, other in zip(kept, again, strict=True))


@pytest.mark.usefixtures("_bfloat16")
def test_a_window_depends_on_itself_only() -> None:
    """Bit for bit, whatever other windows are in the batch."""
    parts = window(130)
    copies = [part.detach().clone().requires_grad_() for part in parts]

    for one, other in zip(attended(parts), attended(copies), strict=True):
        assert torch.equal(one, other)


@pytest.mark.usefixtures("_bfloat16")
def test_very_long_windows_use_the_fused_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their probabilities need too much memory or time; float32 always uses it."""
    monkeypatch.setattr(attention, "written_out", None)  # never called
    with pytest.raises(TypeError):
        attended(window(60))
    assert attended(window(30))[0].dtype == torch.bfloat16
    monkeypatch.setattr(attention, "_WRITTEN", 0)

    assert attended(window(60))[0].dtype == torch.bfloat16
    assert attended(window(60, torch.float32))[0].dtype == torch.float32
