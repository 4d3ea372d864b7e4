"""Curves and calibration bins are compared with direct counts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import average_precision_score, precision_recall_curve

from objectives.metrics.curves import BINS, POINTS, calibration, threshold_curve
from objectives.metrics.metrics import ARGMAX, Predictions, at_threshold, best_threshold

TIED = st.integers(-4, 4).map(lambda half: half / 2)
FINE = st.floats(-30, 30, width=32)


@st.composite
def predictions(draw: st.DrawFn, most: int = 60) -> Predictions:
    """Residues of one or both classes, with margins that tie, are all equal, or saturate."""
    n = draw(st.integers(1, most))
    kind = draw(st.sampled_from([TIED, FINE, st.just(draw(TIED)), st.sampled_from([-1e9, 1e9])]))
    margin = np.array(draw(st.lists(kind, min_size=n, max_size=n)))
    if draw(st.booleans()):
        margin = margin.astype(np.float32)
    labels = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    return Predictions(margin, labels, labels)


def many(size: int = 20_000, seed: int = 0) -> Predictions:
    """A split with few binding residues, separated fairly well."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(size) < 0.05).astype(np.int64)
    return Predictions(rng.normal(-4, 1.5, size) + 3.5 * labels, labels, labels)


def probabilities(some: Predictions) -> NDArray[np.float64]:
    """Predicted probability of binding, per residue."""
    found: NDArray[np.float64] = expit(some.margin.astype(np.float64))
    return found


def rows(curve: dict[str, list[Any]]) -> list[tuple[float, int, int]]:
    """Threshold, TP and FP of each point."""
    return list(zip(curve["threshold"], curve["tp"], curve["fp"], strict=True))


@given(predictions())
@settings(deadline=None, max_examples=examples(200))
def test_counts_are_those_above_the_probability(some: Predictions) -> None:
    """Unless two margins have the same probability, 0 or 1 by rounding."""
    chance, binds = probabilities(some), some.labels == 1
    ends = {-np.inf, ARGMAX, np.inf}
    assume(len({0.0, 0.5, 1.0, *chance}) == len({*ends, *some.margin.tolist()}))
    for threshold, tp, fp in rows(threshold_curve(some, best_threshold(some))):
        assert tp == ((chance > threshold) & binds).sum()
        assert fp == ((chance > threshold) & ~binds).sum()


@given(predictions())
@settings(deadline=None, max_examples=examples(200))
def test_argmax_and_the_chosen_threshold_are_on_the_curve(some: Predictions) -> None:
    """With the counts and the probability of the metrics beside them."""
    chosen = best_threshold(some)
    points = rows(threshold_curve(some, chosen))
    for margin in (ARGMAX, chosen):
        figures = some.ranking.decided(margin)
        shown = at_threshold(some, margin)["threshold"]
        counts = {tp + fp for threshold, tp, fp in points if threshold == shown}
        assert figures["predicted_positives"] in counts


@given(predictions())
@settings(deadline=None, max_examples=examples(200))
def test_the_curve_goes_from_the_highest_margin_to_all_residues(some: Predictions) -> None:
    """Thresholds decrease and counts increase; both marked points may have the same counts."""
    curve = threshold_curve(some, best_threshold(some))
    top = int((some.margin == some.margin.max()).sum())
    sums = [tp + fp for _, tp, fp in rows(curve)]

    assert top in sums
    assert (curve["tp"][-1], curve["fp"][-1]) == (some.labels.sum(), (some.labels == 0).sum())
    assert curve["threshold"] == sorted(curve["threshold"], reverse=True)
    assert len(sums) - len(set(sums)) <= 1
    assert curve["tp"] == sorted(curve["tp"])
    assert curve["fp"] == sorted(curve["fp"])


def test_precision_and_recall_are_sampled_well() -> None:
    """Against scikit-learn's at every threshold; the first residues one by one, recall evenly."""
    some = many()
    curve = threshold_curve(some, best_threshold(some))
    positives = int(some.labels.sum())
    recall = np.array(curve["tp"]) / positives
    precision = np.array(curve["tp"]) / (np.array(curve["tp"]) + np.array(curve["fp"]))
    exact, places, _ = precision_recall_curve(some.labels, some.margin)
    pairs = set(zip(exact.tolist(), places.tolist(), strict=True))
    area = float((np.diff(recall, prepend=0.0) * precision).sum())

    assert POINTS * 0.8 < len(recall) <= POINTS + 2
    assert all(pair in pairs for pair in zip(precision.tolist(), recall.tolist(), strict=True))
    assert [a + b for a, b in zip(curve["tp"], curve["fp"], strict=True)][:5] == [1, 2, 3, 4, 5]
    assert np.diff(recall).max() < 0.03
    assert area == pytest.approx(average_precision_score(some.labels, some.margin), abs=0.01)


def test_a_curve_is_small() -> None:
    """Thresholds have only the digits that separate the residues."""
    some = many()
    written = json.dumps(threshold_curve(some, best_threshold(some)))

    assert len(written) < 3000


def test_neighbouring_margins_are_separated() -> None:
    """However close; where probabilities are equal, the counts still differ."""
    labels = np.array([1, 0, 1])
    near = threshold_curve(Predictions(np.array([1.0, 1.0 - 1e-12, -1.0]), labels, labels))
    lost = threshold_curve(Predictions(np.array([50.0, 45.0, -1.0]), labels, labels))

    assert (1, 0) in zip(near["tp"], near["fp"], strict=True)
    assert expit(1.0 - 1e-12) < near["threshold"][0] < expit(1.0)
    assert [row[1:] for row in rows(lost)] == [(1, 0), (1, 1), (2, 1)]
    assert lost["threshold"][0] == 1.0


@given(predictions())
@settings(deadline=None, max_examples=examples(200))
def test_bins_contain_every_residue_once(some: Predictions) -> None:
    """Sums are exact, probabilities ascend, and equal ones share a bin."""
    found = calibration(some)
    chance = np.sort(probabilities(some))
    ends = np.cumsum(found["residues"])

    assert sum(found["residues"]) == len(some.labels)
    assert sum(found["positives"]) == some.labels.sum()
    assert min(found["residues"]) > 0
    assert len(found["probability"]) == len(found["positives"]) == len(ends) <= BINS
    margins = np.sort(some.margin)
    assert all(margins[end - 1] < margins[end] for end in ends[:-1])
    parts = np.split(chance, ends[:-1])
    assert found["probability"] == pytest.approx([part.mean() for part in parts], abs=1e-12)
    assert json.loads(json.dumps(found)) == found


def test_bins_are_equal_and_the_error_is_their_weighted_gap() -> None:
    """Fifteen of the same size without ties; the calibration error is computed bin by bin."""
    some = many(15_000)
    found = calibration(some)
    order = np.argsort(some.margin)
    chance, labels = probabilities(some)[order], some.labels[order]
    parts = list(zip(np.split(chance, BINS), np.split(labels, BINS), strict=True))
    gaps = [abs(hits.mean() - part.mean()) for part, hits in parts]

    assert found["residues"] == [1000] * BINS
    assert found["positives"] == [int(hits.sum()) for _, hits in parts]
    assert found["ece"] == pytest.approx(np.mean(gaps), rel=1e-12)


def test_well_calibrated_probabilities_have_a_small_error() -> None:
    """And those of an overconfident model a large one."""
    rng = np.random.default_rng(0)
    margin = rng.normal(-2, 1.5, 200_000)
    labels = (rng.random(len(margin)) < expit(margin)).astype(np.int64)
    honest = calibration(Predictions(margin, labels, labels))["ece"]
    boastful = calibration(Predictions(3 * margin, labels, labels))["ece"]

    assert honest < 0.005
    assert boastful > 10 * honest
