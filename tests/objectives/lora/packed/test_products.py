"""The three formulations of a LoRA product against autograd of its formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from bitsandbytes.nn import Linear4bit
from packed_runs import run_pack
from torch import nn

from objectives.data.prepare.windows import Windows
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.packed.base_weight import BaseWeight
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.packed.layout import LaneBatch, Layout, PassContext, running
from objectives.lora.packed.linear import LaneLinear
from objectives.lora.packed.lora_bmm import BaseOperands, StackedLora, lora_bmm
from objectives.lora.packed.lora_matmul import LaneOperands, LoraUpdate, lora_matmul
from objectives.lora.packed.stacked_parameters import StackedParameterSets
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from sweep.study.trial import TrialParams

INPUTS, OUTPUTS, PLACES = 24, 40, 11
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 3e-2}
FORMS = ("merged", "unmerged", "mixed", "dropout", "batched", "batched dropout")
CASES = [(form, torch.float32) for form in FORMS] + [
    (form, torch.bfloat16) for form in FORMS if form not in {"merged", "mixed"}
]  # in half precision nothing is merged
Gradients = list[torch.Tensor]


def operands(
    form: str, dtype: torch.dtype, ranks: Sequence[int | None], *, bias: bool
) -> LaneOperands:
    """Lanes of these ranks; None has no update."""
    torch.manual_seed(3)
    linear = nn.Linear(INPUTS, OUTPUTS, bias=bias, dtype=dtype).requires_grad_(False)
    trained = torch.float64 if dtype == torch.float64 else torch.float32
    updates: list[LoraUpdate | None] = []
    factors: list[torch.Tensor | None] = []
    for number, rank in enumerate(ranks):
        dropped = "dropout" in form and number != 1  # one lane has no dropout
        merged = form == "merged" or (form == "mixed" and number % 2 == 0)
        if rank is None:
            updates.append(None)
        else:
            a = nn.Parameter(torch.randn(rank, INPUTS, dtype=trained) / 5)
            b = nn.Parameter(torch.randn(rank, OUTPUTS, dtype=trained) / 5)
            updates.append(LoraUpdate(a, b, 0.5 + number, 0.25 * dropped, merged))
        masked = (torch.rand(PLACES, INPUTS) > 0.25).to(dtype) / 0.75
        factors.append(masked if dropped and rank else None)
    bounds = list(pairwise(range(0, PLACES * len(ranks) + 1, PLACES)))
    matrix = BaseWeight(linear, dtype, dequantise=False)
    return LaneOperands(matrix, linear.bias, bounds, updates, factors)


def stacks(given: LaneOperands) -> tuple[StackedLora, torch.Tensor | None]:
    """The same updates, padded with zeros to the highest rank, and dropout factors."""
    adapted = [(i, update) for i, update in enumerate(given.updates) if update]
    rank = max(len(update.a) for _, update in adapted)
    dtype = given.matrix.dense().dtype
    a = torch.zeros(len(adapted), rank, INPUTS, dtype=dtype)
    b = torch.zeros(len(adapted), rank, OUTPUTS, dtype=dtype)
    ones = torch.ones(PLACES, INPUTS, dtype=given.matrix.dense().dtype)
    masks = [ones if given.factors[i] is None else given.factors[i] for i, _ in adapted]
    for slot, (_, update) in enumerate(adapted):
        a[slot, : len(update.a)] = update.a
        b[slot, : len(update.b)] = update.b * update.scale
    everyone = len(adapted) == len(given.updates)
    found = StackedLora(
        a=a,
        b=b,
        numbers=tuple(i for i, _ in adapted),
        dropouts=tuple(update.dropout for _, update in adapted),
        lanes=None if everyone else torch.tensor([i for i, _ in adapted]),
    )
    return found, torch.stack(masks) if any(f is not None for f in given.factors) else None


def formula(x: torch.Tensor, given: LaneOperands) -> torch.Tensor:
    """The product lane by lane, in the precision of the parameters."""
    made = []
    weight = given.matrix.dense()
    for (start, stop), update, factor in zip(
        given.bounds, given.updates, given.factors, strict=True
    ):
        rows = x[start:stop]
        y = nn.functional.linear(rows, weight, given.bias).to(
            torch.promote_types(x.dtype, torch.float32)
        )
        if update:
            dropped = rows if factor is None else rows * factor
            y = y + update.scale * (dropped.to(update.a.dtype) @ update.a.t() @ update.b)
        made.append(y)
    return torch.cat(made)


def product(form: str, x: torch.Tensor, given: LaneOperands) -> torch.Tensor:
    """The formulation under test."""
    if "batched" in form:
        found, factors = stacks(given)
        frame = BaseOperands(given.matrix, given.bias, len(given.bounds), factors)
        return lora_bmm(x, frame, found)
    return lora_matmul(x, given)


def with_gradients(
    y: torch.Tensor, x: torch.Tensor, given: LaneOperands
) -> tuple[torch.Tensor, Gradients]:
    """The product and all gradients of a fixed projection of it."""
    torch.manual_seed(5)
    loss = (y * torch.randn(y.shape).to(y.dtype)).sum()
    wanted = [p for update in given.updates if update for p in (update.a, update.b)]
    wanted += [x] if x.requires_grad else []
    return y.detach(), list(torch.autograd.grad(loss, wanted))


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("needs", [True, False], ids=["gradient for x", "none for x"])
@pytest.mark.parametrize("ranks", [(3, 1, 8), (4, None, 2), (None, 5, None)], ids=str)
@pytest.mark.parametrize(("form", "dtype"), CASES, ids=str)
def test_a_product_and_its_gradients_equal_the_formula(
    form: str, dtype: torch.dtype, ranks: tuple[int | None, ...], *, needs: bool, bias: bool
) -> None:
    """With lanes of any rank or none, dropout in some, in both precisions."""
    given = operands(form, dtype, ranks, bias=bias)
    x = torch.randn(PLACES * len(ranks), INPUTS).to(dtype).requires_grad_(needs)
    y, gradients = with_gradients(product(form, x, given), x, given)
    expected, wanted = with_gradients(formula(x, given), x, given)
    bound = TOLERANCE[dtype]

    torch.testing.assert_close(y.float(), expected.float(), rtol=bound, atol=5 * bound)
    for made, due in zip(gradients, wanted, strict=True):
        assert made.dtype == due.dtype
        torch.testing.assert_close(made.float(), due.float(), rtol=bound, atol=20 * bound)


@pytest.mark.parametrize("form", FORMS)
def test_a_product_passes_gradcheck(form: str) -> None:
    """In float64, against finite differences."""
    given = operands(form, torch.float64, (2, None, 3), bias=True)
    x = torch.randn(PLACES * 3, INPUTS, dtype=torch.float64, requires_grad=True)
    trained = [p for update in given.updates if update for p in (update.a, update.b)]

    def rows(*inputs: torch.Tensor) -> torch.Tensor:
        it = iter(inputs[1:])
        updates = [u and replace(u, a=next(it), b=next(it)) for u in given.updates]
        return product(form, inputs[0], replace(given, updates=updates))

    assert torch.autograd.gradcheck(rows, (x, *trained), fast_mode=True)


def lanes(ranks: Sequence[int], lengths: Sequence[int]) -> list[LaneBatch]:
    """Windows of unequal length, in one lane each."""
    rows = tuple(torch.zeros(n, dtype=torch.int64).numpy() for n in lengths)
    windows = Windows(rows, rows, rows)
    made = [
        Adapters(AdapterConfig(rank, 1.0, "all", ()), seed, tokens=1)
        for seed, rank in enumerate(ranks)
    ]
    return [LaneBatch(lane, windows, (number,), step=1) for number, lane in enumerate(made)]


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_a_layer_multiplies_batched_as_one_by_one(dropout: float) -> None:
    """As on a GPU, with every lane padded; some lanes have no update."""
    torch.manual_seed(0)
    linear = nn.Linear(INPUTS, OUTPUTS).requires_grad_(False)
    matrix = BaseWeight(linear, torch.float32, dequantise=False)
    layer = LaneLinear("layer", linear, matrix, torch.float32)
    shares = lanes((2, 4, 3, 0, 6), (4, 7, 3, 6, 5))
    adapted = (0, 2, 4)
    for number in (*adapted, 1):
        lane = shares[number].lane
        a = torch.randn(lane.config.rank, INPUTS)
        lane.updates["layer"] = layer.add_lane(lane, a, scale=2.0, dropout=dropout, tokens=1)
        nn.init.normal_(lane.updates["layer"].b)
    layer.remove_lane(shares[1].lane)
    del shares[1].lane.updates["layer"]
    stacked, everyone = StackedParameterSets(torch.float32).get(
        [share.lane for share in shares], training=True
    )
    stacked.refresh()
    assert everyone is None
    apart, room = Layout(tuple(shares)), Layout(tuple(shares), room=9)
    x = torch.randn(apart.bounds[-1][1], INPUTS)
    wide = torch.zeros(9 * 5, INPUTS)
    for (start, stop), (into, _) in zip(apart.bounds, room.bounds, strict=True):
        wide[into : into + stop - start] = x[start:stop]
    made = []
    for layout, given in ((apart, x), (room, wide)):
        with running(PassContext(layout, stacked if layout is room else None)):
            y = torch.cat([layout.own(layer(given), number) for number in range(5)])
        y.square().sum().backward()
        if layout is room:
            stacked.scatter_gradients()
        updates = [shares[number].lane.updates["layer"] for number in adapted]
        made.append([y, *(p.grad for update in updates for p in (update.a, update.b))])

    for one, other in zip(*made, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_nf4_multiplies_as_its_dequantised_copy(dtype: torch.dtype) -> None:
    """Bit for bit as in bitsandbytes; the NF4 weights are then freed."""
    torch.manual_seed(1)
    quantised = [
        Linear4bit(64, 48, quant_type="nf4", compress_statistics=True, compute_dtype=dtype)
        for _ in range(2)
    ]
    quantised[1].load_state_dict(quantised[0].state_dict())
    four, once = (
        BaseWeight(linear.to("cpu"), dtype, dequantise=dequantise)
        for linear, dequantise in zip(quantised, (False, True), strict=True)
    )
    x = torch.randn(7, 64, dtype=dtype, requires_grad=True)
    stock = quantised[0].train()(x)
    made = [nn.functional.linear(x, m.dense(), quantised[0].bias.to(dtype)) for m in (four, once)]

    assert four.quantised
    assert once.quantised
    assert torch.equal(four.dense(), once.dense())
    assert torch.equal(made[0], made[1])
    assert torch.equal(made[0], stock)
    assert quantised[1].weight.numel() == 0


def test_a_trial_has_the_same_bits_with_a_dequantised_base(
    tiny_data: object, tiny_folder: object, tmp_path: object
) -> None:
    """Dequantised at each use, or once."""
    places = {"data": str(tiny_data), "base": str(tiny_folder), "cache": str(tmp_path)}
    fixed = BindingSettings(device="cpu", batch_tokens=256, train_metric_chains=0, dropout=0.2)
    made = {}
    for kept in ("nf4", "nf4-dequantised"):
        settings = replace(fixed, base_weights=kept)
        pack = [TrialParams(0, {"steps": 8, "targets": "all-linear"})]
        (run,) = run_pack(Inputs(places, settings, ResidueBinary), settings, pack).values()
        assert run.trial.model.base_weights == kept
        made[kept] = run.bits

    assert made["nf4"] == made["nf4-dequantised"]
