"""Dropout masks depend only on trial, step, module and token."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from packed_reference import Plain, furthest, plain_run
from packed_runs import Run, run_pack

from objectives.data.prepare.windows import Windows
from objectives.lora.packed.dropout import factors
from objectives.lora.packed.dropout_hash import kept, row_keys, start_of
from objectives.lora.packed.layout import LaneBatch, Layout
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from sweep.study.trial import TrialParams

FIXED = BindingSettings(device="cpu", batch_tokens=256, train_metric_chains=0, steps=15)
VALUES: tuple[dict[str, Any], ...] = (
    {"targets": "all-linear", "rank": 8, "dropout": 0.3},
    {"targets": "query+value", "rank": 4, "dropout": 0.1, "learning_rate": 3e-3},
    {"targets": "mlp", "rank": 2, "dropout": 0.8, "scaling": 4, "class_weight": 6},
)
PLACES, FEATURES = 4000, 64


@pytest.fixture(scope="module")
def places() -> np.ndarray:
    """Positions of windows of 40 tokens."""
    return np.stack(np.divmod(np.arange(PLACES), 40), axis=1)


def mask(
    places: np.ndarray,
    p: float,
    *,
    seed: int = 0,
    step: int = 1,
    module: str = "m",
    features: int = FEATURES,
) -> np.ndarray:
    """The mask as 0 and 1."""
    keys = row_keys(start_of(seed, step, module), torch.from_numpy(places))
    return kept(keys, features, p).double().numpy()


@pytest.fixture(scope="module")
def runs(tiny_inputs: Inputs) -> dict[int, Run]:
    """A pack of lanes with different dropout rates."""
    pack = [TrialParams(n, values, seed=n) for n, values in enumerate(VALUES)]
    return run_pack(tiny_inputs, FIXED, pack)


@pytest.fixture(scope="module")
def plain_runs(tiny_folder: Path, runs: dict[int, Run]) -> dict[int, Plain]:
    """The same trials in plain loops with the same masks."""
    return {number: plain_run(tiny_folder, run, masked=True) for number, run in runs.items()}


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_a_lane_with_dropout_equals_a_plain_loop_with_the_same_masks(
    tiny_folder: Path, runs: dict[int, Run], plain_runs: dict[int, Plain], number: int
) -> None:
    """PEFT's own forward pass, with dropout modules that apply these masks."""
    run, plain = runs[number], plain_runs[number]

    assert furthest(run.losses, plain.losses) < 1e-5
    assert run.result is not None
    assert run.result.value == plain.validation["mcc"]
    without = replace(run.trial.settings, dropout=0.0)
    assert furthest(plain_run(tiny_folder, run, settings=without).losses, run.losses) > 1e-3


@pytest.mark.parametrize("p", [0.05, 0.1, 0.3, 0.5, 0.9])
def test_the_kept_fraction_is_as_expected(places: np.ndarray, p: float) -> None:
    """In total, per feature and per token, within 4 (5 for the worst of many) sigma."""
    made, wide = mask(places, p), mask(places[:1000], p, features=1000)
    for rate, count in ((made.mean(), made.size), (made.mean(0), PLACES), (wide.mean(1), 1000)):
        sigma = math.sqrt(p * (1 - p) / count)
        worst = np.abs(rate - (1 - p)).max() / sigma
        assert worst < (4 if np.ndim(rate) == 0 else 5)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_features_and_tokens_are_dropped_independently(places: np.ndarray, p: float) -> None:
    """Correlations between them are within chance."""
    tokens = mask(places[:200], p, features=4000)
    for rows in (mask(places, p).T, tokens):
        off = np.corrcoef(rows)[np.triu_indices(len(rows), 1)] * math.sqrt(4000)
        assert abs(off.mean()) < 4 / math.sqrt(len(off))
        assert 0.95 < off.std() < 1.05
        assert np.abs(off).max() < 6


@pytest.mark.parametrize(
    "other", [{"seed": 1}, {"step": 2}, {"module": "n"}], ids=lambda change: next(iter(change))
)
def test_masks_of_another_seed_step_or_module_are_independent(
    places: np.ndarray, other: dict[str, Any]
) -> None:
    """Their correlation over all numbers is within 4 sigma of 0; so is that of shifted ones."""
    one, two = mask(places, 0.3).ravel(), mask(places, 0.3, **other).ravel()
    for shift in (0, 1, FEATURES, 40 * FEATURES):
        moved = np.roll(two, shift)
        assert abs(np.corrcoef(one, moved)[0, 1]) * math.sqrt(one.size) < 4


def test_neighbouring_keys_and_columns_are_independent(places: np.ndarray) -> None:
    """A mask is uncorrelated with itself shifted by a token, a feature, or both."""
    made = mask(places, 0.5)
    for down in range(3):
        for right in range(-3, 4):
            if (down, right) > (0, 0):
                moved = np.roll(made, (down, right), axis=(0, 1))
                assert abs(np.corrcoef(made.ravel(), moved.ravel())[0, 1]) * 506 < 4.5  # sqrt(size)


@pytest.mark.parametrize(
    "lay_out",
    [
        Layout,
        lambda shares: Layout(shares, room=80),
        lambda shares: Layout(shares, width=31),
    ],
    ids=["flat", "filled up", "padded"],
)
@pytest.mark.parametrize("indices", [(2,), (0, 2), (2, 1, 0), (1, 2)], ids=str)
def test_a_window_has_one_mask_in_any_batch_and_layout(
    lay_out: Callable[[tuple[LaneBatch, ...]], Layout], indices: Sequence[int]
) -> None:
    """At any position in the batch, beside any other windows."""
    lengths = (7, 31, 12)
    rows = tuple(np.zeros(n, dtype=np.int64) for n in lengths)
    windows = Windows(rows, rows, rows)
    ours, theirs = (type("Lane", (), {"seed": seed})() for seed in (5, 6))
    alone = Layout((LaneBatch(ours, windows, (2,), step=3),))
    expected = factors_everywhere(alone)
    shares = (LaneBatch(theirs, windows, (1, 0), step=9), LaneBatch(ours, windows, indices, step=3))
    layout = lay_out(shares)
    blocks = layout.own(factors_everywhere(layout), 1).split([lengths[i] for i in indices])

    assert torch.equal(blocks[indices.index(2)], expected)
    assert 0 < (expected == 0).sum() < expected.numel()
    assert expected.unique().tolist() == pytest.approx([0.0, 1 / 0.6])


def factors_everywhere(layout: Layout) -> torch.Tensor:
    """The factors of all lanes, as applied to a batch's tokens."""
    like = torch.empty(sum(layout.sizes), 16)
    return torch.cat([factors(layout, n, "m", 16, 0.4, like) for n in range(len(layout.shares))])


MANTISSA = 2**64 - 1


def mixed(x: int) -> int:
    """SplitMix64's finaliser with Python integers."""
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MANTISSA
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MANTISSA
    return x ^ x >> 31


@given(
    start=st.integers(0, 2**63 - 1), window=st.integers(0, 2**31), position=st.integers(0, 2**20)
)
def test_keys_equal_the_published_unsigned_hash(start: int, window: int, position: int) -> None:
    """PyTorch has only signed integers: the same bits, for one lane and for many."""
    golden = 0x9E3779B97F4A7C15
    wanted = mixed(position * golden + mixed(window * golden + start & MANTISSA) & MANTISSA) >> 32
    places = torch.tensor([[window, position]])

    assert row_keys(start, places).tolist() == [wanted]
    starts = torch.tensor([[start], [start ^ 1]])
    assert row_keys(starts, places.expand(2, 1, 2))[0].tolist() == [wanted]


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_an_evaluation_has_no_dropout(
    runs: dict[int, Run], plain_runs: dict[int, Plain], number: int
) -> None:
    """The trained adapters have the loss of the plain model without dropout."""
    run = runs[number]
    assert run.result is not None

    assert run.result.metrics["loss"] == pytest.approx(
        plain_runs[number].validation["loss"], rel=1e-5
    )


def test_the_global_random_state_does_not_affect_the_masks(tiny_inputs: Inputs) -> None:
    """Two runs after different draws have the same bits, and do not change that state."""
    pack = [TrialParams(0, {**VALUES[0], "steps": 3}), TrialParams(1, VALUES[2], seed=1)]
    made = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        made.append([run.bits for run in run_pack(tiny_inputs, FIXED, pack).values()])
        assert torch.equal(torch.get_rng_state(), before)

    assert made[0] == made[1]
