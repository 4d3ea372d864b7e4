"""Bootstrap intervals are compared with resamples of chains, scored one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from objectives.lora.training.inputs import Inputs
from objectives.metrics import intervals
from objectives.metrics.intervals import RESAMPLES, chains_of, mcc_intervals, pr_auc_interval
from objectives.metrics.metrics import Predictions, best_threshold

Split = tuple[Predictions, NDArray[np.int64]]


def split(chains: int = 25, seed: int = 0, spread: float = 1.0) -> Split:
    """Chains of unequal length and difficulty, some without a binding residue."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(10, 60, chains)
    owner = np.repeat(rng.permutation(chains) * 3 + 5, lengths)  # numbers with gaps, unordered
    labels = (rng.random(len(owner)) < np.where(owner % 5 == 0, 0.0, 0.2)).astype(np.int64)
    shift = np.repeat(rng.normal(0, spread, chains), lengths)
    margin = np.round(rng.normal(-1, 1, len(owner)) + 2 * labels + shift, 2)  # some tie
    return Predictions(margin, labels, labels), owner


def resampled(some: Predictions, owner: NDArray[np.int64], seed: int) -> list[Predictions]:
    """Each resample with its chains concatenated."""
    names = np.unique(owner)
    draws = np.random.default_rng(seed).integers(len(names), size=(RESAMPLES, len(names)))
    rows = [np.flatnonzero(owner == name) for name in names]
    made = []
    for draw in draws:
        at = np.concatenate([rows[place] for place in draw])
        made.append(Predictions(some.margin[at], some.labels[at], some.ligands[at]))
    return made


def ends(values: list[float]) -> tuple[float, float]:
    """The middle 95 % of the values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def test_mcc_intervals_are_those_of_the_resamples() -> None:
    """At argmax and at a threshold, each scored from its residues."""
    some, owner = split()
    threshold = best_threshold(some)
    found = mcc_intervals(some, owner, threshold, seed=3)
    made = resampled(some, owner, seed=3)
    for name, cut in (("mcc", 0.0), ("mcc_at_threshold", threshold)):
        wanted = ends([r.ranking.decided(cut)["mcc"] for r in made])
        assert (found[f"{name}_low"], found[f"{name}_high"]) == pytest.approx(wanted, abs=1e-12)
        assert found[f"{name}_low"] < some.ranking.decided(cut)["mcc"] < found[f"{name}_high"]  # type: ignore[operator]


def test_the_pr_auc_interval_is_that_of_the_resamples() -> None:
    """Including ties."""
    some, owner = split(chains=12)
    found = pr_auc_interval(some, owner, seed=4)
    made = [r for r in resampled(some, owner, seed=4) if r.labels.any()]
    wanted = ends([float(average_precision_score(r.labels, r.margin)) for r in made])

    assert (found["pr_auc_low"], found["pr_auc_high"]) == pytest.approx(wanted, abs=1e-12)


def test_the_block_size_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resamples are scored in blocks to limit memory; the draws do not depend on the blocks."""
    some, owner = split()
    whole = mcc_intervals(some, owner, 0.5, seed=1), pr_auc_interval(some, owner, seed=1)
    monkeypatch.setattr(intervals, "_AT_ONCE", 77)
    parts = mcc_intervals(some, owner, 0.5, seed=1), pr_auc_interval(some, owner, seed=1)

    assert parts[0] == whole[0]
    assert parts[1] == pytest.approx(whole[1], abs=1e-12)  # summed in another order


def test_the_order_of_residues_and_the_numbers_of_chains_do_not_matter() -> None:
    """Windows of one chain need not be adjacent."""
    some, owner = split()
    mixed = np.random.default_rng(9).permutation(len(owner))
    other = Predictions(some.margin[mixed], some.labels[mixed], some.ligands[mixed])

    assert mcc_intervals(other, owner[mixed] * 2, 0.1, 0) == mcc_intervals(some, owner, 0.1, 0)


def test_the_result_depends_only_on_the_seed() -> None:
    """The global generator is neither used nor changed."""
    some, owner = split()
    np.random.seed(0)  # noqa: NPY002 - it must not matter
    first = mcc_intervals(some, owner, 0.1, 5)
    np.random.seed(1)  # noqa: NPY002 - likewise

    assert mcc_intervals(some, owner, 0.1, 5) == first
    assert np.random.get_state()[2] == 624  # noqa: NPY002 - as it was seeded
    assert mcc_intervals(some, owner, 0.1, 6) != first


@pytest.mark.integration
def test_intervals_cover_the_score_of_other_chains() -> None:
    """About 95 % cover the MCC of the population; resampling by residue covers far less."""
    truth = split(chains=4000, seed=1)[0].ranking.decided(0.0)["mcc"]
    held = {"chains": 0, "residues": 0}
    for seed in range(100, 180):
        some, owner = split(chains=40, seed=seed)
        for unit, index in (("chains", owner), ("residues", np.arange(len(owner)))):
            found = mcc_intervals(some, index, 0.0, seed)
            held[unit] += found["mcc_low"] <= truth <= found["mcc_high"]  # type: ignore[operator]

    assert 70 <= held["chains"] <= 80
    assert held["residues"] < 64


@pytest.mark.parametrize(
    ("labels", "owner"), [([1, 0, 0, 1], [7, 7, 7, 7]), ([0, 0], [1, 1])], ids=["mixed", "free"]
)
def test_one_chain_has_no_interval(labels: list[int], owner: list[int]) -> None:
    """It would be a point, which would look like certainty."""
    some = Predictions(np.arange(len(labels)) - 1.0, np.array(labels), np.array(labels))
    found: dict[str, Any] = mcc_intervals(some, np.array(owner), 0.0, 0)
    found |= pr_auc_interval(some, np.array(owner), 0)

    assert set(found.values()) == {None}


def test_resamples_with_one_class_are_scored_as_usual() -> None:
    """MCC 0 with an empty row or column; no average precision without binding residues."""
    labels, owner = np.array([1, 0, 0, 0]), np.array([0, 0, 1, 1])
    some = Predictions(np.array([2.0, -1.0, -1.0, -2.0]), labels, labels)
    found = mcc_intervals(some, owner, 0.0, 0) | pr_auc_interval(some, owner, 0)

    assert (found["mcc_low"], found["mcc_high"]) == (0.0, 1.0)
    assert (found["pr_auc_low"], found["pr_auc_high"]) == (1.0, 1.0)
    empty = Predictions(some.margin, np.zeros(4, int), np.zeros(4, int))
    assert pr_auc_interval(empty, owner, 0) == {"pr_auc_low": None, "pr_auc_high": None}


def test_large_counts_do_not_overflow() -> None:
    """Their product exceeds 64 bits."""
    rng = np.random.default_rng(0)
    labels = (rng.random(300_000) < 0.4).astype(np.int64)
    some = Predictions(rng.normal(size=len(labels)) + labels, labels, labels)
    found = mcc_intervals(some, np.arange(len(labels)) // 3000, 0.0, 0)
    low, high = found["mcc_low"], found["mcc_high"]

    assert low is not None
    assert high is not None
    assert low < some.ranking.decided(0.0)["mcc"] < high
    assert math.isclose(low, high, abs_tol=0.02)


def test_every_labelled_residue_has_its_chain(tiny_inputs: Inputs) -> None:
    """As often as the chain has residues, in the order of the split."""
    windows = tiny_inputs.splits.validation
    chains = chains_of(tiny_inputs.data.validation, windows)
    lengths = [length - 2 for length in windows.lengths]  # without special tokens

    assert chains.tolist() == np.repeat(np.arange(len(lengths)), lengths).tolist()
