from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import log_loss, matthews_corrcoef, roc_auc_score

from objectives.binding.metrics import (
    ARGMAX,
    Predictions,
    at_threshold,
    best_threshold,
    cross_entropy,
    decided,
    evaluate,
    per_ligand,
)


@st.composite
def predictions(draw: st.DrawFn) -> Predictions:
    """Up to 40 residues with margins on a coarse grid (so that some tie), none exactly 0."""
    n = draw(st.integers(2, 40))
    halves = draw(st.lists(st.integers(-8, 7), min_size=n, max_size=n))
    labels = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    margin = np.array(halves) / 2 + 0.25
    return Predictions(margin, np.array(labels), np.array(labels))


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(predictions())
@settings(deadline=None, max_examples=50)
def test_mcc_is_scikit_learns(given_: Predictions) -> None:
    """At argmax, on every residue."""
    expected = matthews_corrcoef(given_.labels, given_.margin > 0)

    assert decided(given_, ARGMAX)["mcc"] == pytest.approx(expected)


@given(predictions())
@settings(deadline=None, max_examples=50)
def test_mcc_changes_sign_with_flipped_predictions(given_: Predictions) -> None:
    """A model that is right the other way round is exactly as wrong."""
    flipped = Predictions(-given_.margin, given_.labels, given_.ligands)

    assert decided(flipped, ARGMAX)["mcc"] == pytest.approx(-decided(given_, ARGMAX)["mcc"])


@given(predictions())
@settings(deadline=None, max_examples=50)
def test_an_empty_margin_is_flagged_and_scores_zero(given_: Predictions) -> None:
    """Predicting or labelling one class only is degenerate, anything else is not."""
    figures = decided(given_, ARGMAX)
    one_class = len(set(given_.labels)) == 1 or len(set(given_.margin > 0)) == 1

    assert figures["degenerate"] == one_class
    assert not one_class or figures["mcc"] == 0.0


@given(predictions())
@settings(deadline=None, max_examples=50)
def test_the_threshold_is_the_best_there_is(given_: Predictions) -> None:
    """No cut between residues gives a higher MCC."""
    assume(len(set(given_.labels)) == 2)
    cuts = np.unique(given_.margin)
    best = max(matthews_corrcoef(given_.labels, given_.margin > cut) for cut in cuts)

    chosen = best_threshold(given_)
    assert decided(given_, chosen)["mcc"] == pytest.approx(best)
    assert at_threshold(given_, chosen)["mcc_at_threshold"] == pytest.approx(best)


def test_the_threshold_is_reported_as_a_probability() -> None:
    """A cut between margins 1 and 3 is the probability of margin 2."""
    some = Predictions(np.array([3.0, 1.0, -1.0]), np.array([1, 0, 0]), np.zeros(3, int))

    assert at_threshold(some, best_threshold(some))["threshold"] == pytest.approx(expit(2.0))


def test_auc_is_of_the_probabilities_not_of_the_decisions() -> None:
    """The card's AUC came from 0/1 predictions, which here would be 0.75."""
    some = Predictions(np.array([2.0, -1.0, -2.0, -3.0]), np.array([1, 1, 0, 0]), np.zeros(4, int))
    by_decision = roc_auc_score(some.labels, some.margin > 0)

    assert evaluate(some)["roc_auc"] == 1.0
    assert by_decision == 0.75


def test_auc_keeps_the_order_of_residues_whose_probabilities_round_to_one() -> None:
    """Margins of 50 and 60 are both probability 1.0 in double precision."""
    some = Predictions(np.array([60.0, 50.0]), np.array([1, 0]), np.zeros(2, int))

    assert evaluate(some)["roc_auc"] == 1.0


@given(predictions())
@settings(deadline=None, max_examples=50)
def test_loss_is_scikit_learns_log_loss(given_: Predictions) -> None:
    """Mean cross-entropy in nats."""
    expected = log_loss(given_.labels, expit(given_.margin), labels=[0, 1])

    assert cross_entropy(given_) == pytest.approx(expected)


def test_figures_undefined_for_one_class_are_none() -> None:
    """An AUC without negatives is not a number, and JSON has no NaN."""
    figures = evaluate(Predictions(np.array([1.0, 2.0]), np.array([1, 1]), np.array([1, 1])))

    assert figures["roc_auc"] is None
    assert figures["pr_auc"] is None
    assert figures["accuracy"] == 1.0


def test_a_ligand_is_scored_against_residues_that_bind_nothing() -> None:
    """Residues of other ligands count neither way; predicting them is right."""
    margin = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
    ligands = np.array([0b01, 0b01, 0b10, 0b11, 0b00])
    table = per_ligand(Predictions(margin, np.array([1, 1, 1, 1, 0]), ligands), ["ATP", "ZN", "CA"])

    assert table["ATP"]["recall"] == pytest.approx(2 / 3)
    assert table["ATP"]["positives"] == 3
    assert table["ATP"]["mcc"] == pytest.approx(matthews_corrcoef([1, 1, 1, 0], [1, 0, 1, 0]))
    assert table["ZN"] == {"mcc": 1.0, "recall": 1.0, "roc_auc": 1.0, "positives": 2}
    assert "CA" not in table
