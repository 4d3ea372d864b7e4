"""The metrics of a trial's curves, by their definitions."""

from __future__ import annotations

import pytest
from sklearn.metrics import matthews_corrcoef

from objectives.described import BINDING, measures
from objectives.metrics.binary_measures import MEASURES, completed
from objectives.metrics.confusion import Confusion
from sweep.study.measures import Measures


def test_curves_from_counts() -> None:
    """Precision, recall and MCC of the decisions that the counts describe."""
    labels = [1, 1, 0, 0, 0, 1]
    decisions = {0.9: [0, 0, 0, 0, 0, 0], 0.5: [1, 1, 1, 0, 0, 0], 0.1: [1] * 6}
    pairs = [list(zip(labels, made, strict=True)) for made in decisions.values()]
    counts = {
        "threshold": list(decisions),
        "tp": [pair.count((1, 1)) for pair in pairs],
        "fp": [pair.count((0, 1)) for pair in pairs],
    }

    curve = completed({"positives": 3, "residues": 6, "threshold_curve": counts})["threshold_curve"]

    assert curve["precision"] == [None, pytest.approx(2 / 3), 0.5]
    assert curve["recall"] == [0.0, pytest.approx(2 / 3), 1.0]
    for found, made in zip(curve["mcc"], decisions.values(), strict=True):
        assert found == pytest.approx(matthews_corrcoef(labels, made))


def test_calibration_is_the_observed_frequency() -> None:
    """Positives over residues in each bin."""
    bins = {"probability": [0.1, 0.7], "positives": [1, 3], "residues": [10, 4], "ece": 0.02}

    assert completed({"calibration": bins})["calibration"] == {**bins, "observed": [0.1, 0.75]}


def test_a_trial_without_curves_is_unchanged() -> None:
    """Pruned trials store numbers only."""
    assert completed({"mcc": 0.5, "threshold_curve": {"threshold": []}}) == {
        "mcc": 0.5,
        "threshold_curve": {"threshold": []},
    }


def test_the_measures_are_valid_and_survive_json() -> None:
    """Valid by the rules for any objective; an unknown objective has none."""
    assert Measures.of(MEASURES.metrics, MEASURES.tables, MEASURES.curves) == MEASURES
    assert measures(BINDING) is MEASURES
    assert measures("other.module:Objective") == Measures()


def test_the_correlation_of_counts_too_large_for_int64() -> None:
    """The product of the four sums of a large split is beyond 64 bits."""
    counts = Confusion(40_000, 60_000, 30_000, 9_000_000)

    exact = (40_000 * 9_000_000 - 60_000 * 30_000) / (
        100_000 * 70_000 * 9_060_000 * 9_030_000
    ) ** 0.5
    assert counts.mcc == pytest.approx(exact)
    assert Confusion(0, 0, 5, 5).degenerate
    assert Confusion(0, 0, 5, 5).mcc == 0.0
