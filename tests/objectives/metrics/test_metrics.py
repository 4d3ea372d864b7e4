from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    log_loss,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
)

from objectives.metrics.metrics import (
    ARGMAX,
    Predictions,
    at_threshold,
    best_threshold,
    cross_entropy,
    evaluate,
    per_ligand,
)

TIED = st.integers(-4, 4).map(lambda half: half / 2)
"""A coarse grid, so that margins tie within and between the classes."""

FINE = st.floats(-30, 30, width=32)
HUGE = st.sampled_from([-1e300, -1e17, -1.0, -5e-324, 0.0, 5e-324, 1.0, 1e17, 1e300])
MASKS = st.sampled_from([0b000, 0b001, 0b010, 0b100, 0b011, 0b101, 0b111])


@st.composite
def predictions(draw: st.DrawFn, most: int = 40) -> Predictions:
    """Residues of one or both classes, with margins that tie, are all equal, or are huge."""
    n = draw(st.integers(1, most))
    kind = draw(st.sampled_from([TIED, FINE, HUGE, st.just(draw(TIED))]))
    margin = np.array(draw(st.lists(kind, min_size=n, max_size=n)))
    if kind is not HUGE and draw(st.booleans()):
        margin = margin.astype(np.float32)
    labels = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    ligands = np.array(draw(st.lists(MASKS, min_size=n, max_size=n)))
    return Predictions(margin, labels, np.where(labels == 1, ligands, 0))


def same(number: float) -> Any:
    """Equality to 1e-12."""
    return pytest.approx(number, rel=1e-12, abs=1e-12)


def squared_mcc(labels: NDArray[np.int64], chosen: NDArray[np.bool_]) -> Fraction:
    """MCC times its absolute value, with integer counts; 0 with an empty row or column."""
    binds = labels == 1
    tp, fp = int((binds & chosen).sum()), int((~binds & chosen).sum())
    fn, tn = int((binds & ~chosen).sum()), int((~binds & ~chosen).sum())
    covariance = tp * tn - fp * fn
    scale = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return Fraction(covariance * abs(covariance), max(scale, 1))


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(predictions(), st.data())
@settings(deadline=None, max_examples=examples(200))
def test_metrics_of_a_decision_equal_scikit_learns(
    given_: Predictions, data: st.DataObject
) -> None:
    """At argmax, at observed margins and between: counts exactly, MCC and F1 to 1e-12."""
    threshold = data.draw(st.sampled_from([ARGMAX, 0.75, *given_.margin.tolist()]))
    chosen = (given_.margin.astype(float) > threshold).astype(int)
    figures = given_.ranking.decided(threshold)

    assert figures["predicted_positives"] == chosen.sum()
    assert figures["precision"] == precision_score(given_.labels, chosen, zero_division=0.0)
    assert figures["recall"] == recall_score(given_.labels, chosen, zero_division=0.0)
    assert figures["accuracy"] == accuracy_score(given_.labels, chosen)
    assert figures["f1"] == same(f1_score(given_.labels, chosen, zero_division=0.0))
    assert figures["mcc"] == same(matthews_corrcoef(given_.labels, chosen))


@given(predictions())
@settings(deadline=None, max_examples=examples(200))
def test_areas_equal_scikit_learns(given_: Predictions) -> None:
    """ROC-AUC and average precision to 1e-12, including ties."""
    assume(len(set(given_.labels)) == 2)
    figures = evaluate(given_)

    assert figures["roc_auc"] == same(roc_auc_score(given_.labels, given_.margin))
    assert figures["pr_auc"] == same(average_precision_score(given_.labels, given_.margin))
    assert figures["residues"] == len(given_.labels)
    assert figures["positives"] == given_.labels.sum()


def test_metrics_of_many_residues_equal_scikit_learns() -> None:
    """At the size of a split, where a product of counts exceeds 64 bits."""
    rng = np.random.default_rng(0)
    labels = (rng.random(100_000) < 0.4).astype(np.int64)
    margin = np.round(rng.normal(size=len(labels)) + labels, 3)
    some = Predictions(margin, labels, labels)
    figures = evaluate(some)

    assert figures["mcc"] == same(matthews_corrcoef(labels, margin > 0))
    assert figures["roc_auc"] == same(roc_auc_score(labels, margin))
    assert figures["pr_auc"] == same(average_precision_score(labels, margin))
    best = squared_mcc(labels, margin > best_threshold(some))
    assert all(squared_mcc(labels, margin > cut) <= best for cut in np.unique(margin)[::40])


@given(predictions())
@settings(deadline=None, max_examples=examples(50))
def test_mcc_changes_sign_with_flipped_predictions(given_: Predictions) -> None:
    """Inverted predictions have the opposite MCC."""
    assume((given_.margin != 0).all())
    flipped = Predictions(-given_.margin, given_.labels, given_.ligands)

    assert flipped.ranking.decided(ARGMAX)["mcc"] == -given_.ranking.decided(ARGMAX)["mcc"]


@given(predictions())
@settings(deadline=None, max_examples=examples(50))
def test_a_single_class_is_flagged_and_scores_zero(given_: Predictions) -> None:
    """Predicting or labelling one class only is degenerate, anything else is not."""
    figures = given_.ranking.decided(ARGMAX)
    one_class = len(set(given_.labels)) == 1 or len(set(given_.margin > 0)) == 1

    assert figures["degenerate"] == one_class
    assert not one_class or figures["mcc"] == 0.0


@given(predictions())
@settings(deadline=None, max_examples=examples(200))
def test_the_threshold_maximises_mcc(given_: Predictions) -> None:
    """No cut has a higher MCC and no higher cut the same, to the last digit."""
    assume(len(set(given_.labels)) == 2)
    margin = given_.margin.astype(float)
    chosen = best_threshold(given_)

    best = squared_mcc(given_.labels, margin > chosen)
    for cut in np.unique(margin):
        reached = squared_mcc(given_.labels, margin >= cut)
        assert reached < best if cut > margin[margin > chosen].min() else reached <= best
    mcc = given_.ranking.decided(chosen)["mcc"]
    assert mcc == same(float(best) ** 0.5)
    assert at_threshold(given_, chosen)["mcc_at_threshold"] == mcc


@given(predictions())
@settings(deadline=None, max_examples=examples(200))
def test_the_threshold_is_the_middle_of_two_margins(given_: Predictions) -> None:
    """In double precision for any dtype; half a unit below the lowest margin."""
    assume(len(set(given_.labels)) == 2)
    chosen, margin = best_threshold(given_), given_.margin.astype(float)
    assume(np.abs(margin).min() == 0 or np.abs(margin).min() > 1e-9)
    above, below = margin[margin > chosen].min(), margin[margin <= chosen]

    lowest = below.max() if len(below) else above - max(1.0, np.spacing(abs(above)))
    assert chosen == pytest.approx(above / 2 + lowest / 2, rel=1e-15)


def test_of_cuts_with_equal_mcc_the_highest_is_the_threshold() -> None:
    """Here all three cuts have an MCC of 1/2; in floating point the second's is higher."""
    labels = np.array([1, 0, 1, 0, 0, 1, 0, 0, 0])
    some = Predictions(np.arange(9.0, 0.0, -1.0), labels, labels)

    for cut in (9, 7, 4):
        assert squared_mcc(labels, some.margin >= cut) == Fraction(1, 4)
    assert best_threshold(some) == 8.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_threshold_between_neighbouring_floats_separates_them(dtype: type) -> None:
    """Their middle rounds to one of them, and must not round to the upper one."""
    low = np.nextafter(dtype(1), dtype(2))
    margin = np.array([low, np.nextafter(low, dtype(2))])
    some = Predictions(margin, np.array([0, 1]), np.zeros(2, int))

    assert some.ranking.decided(best_threshold(some))["mcc"] == 1.0


def test_a_threshold_between_huge_margins_is_finite() -> None:
    """Although their sum is not."""
    most = float(np.finfo(float).max)
    some = Predictions(np.array([-most, -0.5 * most]), np.array([0, 1]), np.zeros(2, int))

    assert best_threshold(some) == -0.75 * most


@pytest.mark.parametrize("margin", [0.0, -1e17, 1e300, np.finfo(float).max])
def test_with_one_margin_for_all_every_residue_is_predicted(margin: float) -> None:
    """The threshold is lower even than a margin from which subtracting 1 has no effect."""
    some = Predictions(np.full(3, margin), np.array([0, 1, 0]), np.zeros(3, int))

    assert some.ranking.decided(best_threshold(some))["predicted_positives"] == 3


@pytest.mark.parametrize("label", [0, 1])
def test_with_one_class_the_threshold_is_argmax(label: int) -> None:
    """There is nothing to optimise."""
    some = Predictions(np.array([2.0, 3.0]), np.full(2, label), np.zeros(2, int))

    assert best_threshold(some) == ARGMAX


def test_the_threshold_is_reported_as_a_probability() -> None:
    """A cut between margins 1 and 3 is the probability of margin 2."""
    some = Predictions(np.array([3.0, 1.0, -1.0]), np.array([1, 0, 0]), np.zeros(3, int))

    assert at_threshold(some, best_threshold(some))["threshold"] == pytest.approx(expit(2.0))


def test_auc_is_of_the_probabilities_not_of_the_decisions() -> None:
    """The model card's AUC was computed from 0/1 predictions, which here would be 0.75."""
    some = Predictions(np.array([2.0, -1.0, -2.0, -3.0]), np.array([1, 1, 0, 0]), np.zeros(4, int))
    by_decision = roc_auc_score(some.labels, some.margin > 0)

    assert evaluate(some)["roc_auc"] == 1.0
    assert by_decision == 0.75


def test_auc_keeps_the_order_of_residues_whose_probabilities_round_to_one() -> None:
    """Margins of 50 and 60 are both probability 1.0 in double precision."""
    some = Predictions(np.array([60.0, 50.0]), np.array([1, 0]), np.zeros(2, int))

    assert evaluate(some)["roc_auc"] == 1.0


@given(predictions())
@settings(deadline=None, max_examples=examples(50))
def test_loss_is_scikit_learns_log_loss(given_: Predictions) -> None:
    """Mean cross-entropy in nats, where probabilities near 1 still have digits."""
    margin = np.clip(given_.margin.astype(float), -15, 15)
    expected = log_loss(given_.labels, expit(margin), labels=[0, 1])

    some = Predictions(margin.astype(given_.margin.dtype), given_.labels, given_.ligands)
    assert cross_entropy(some) == pytest.approx(expected)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("count", [1, 2])
def test_metrics_undefined_for_one_class_are_none(label: int, count: int) -> None:
    """The AUC of one class, or of one residue, is undefined, and JSON has no NaN."""
    labels = np.full(count, label)
    figures = evaluate(Predictions(np.arange(1.0, count + 1), labels, labels))

    assert figures["roc_auc"] is None
    assert figures["pr_auc"] is None
    assert figures["accuracy"] == label
    assert figures["degenerate"]


@pytest.mark.parametrize("margin", [[], [0.0, np.nan], [np.inf, 0.0], [0.0, -np.inf]])
def test_an_empty_or_non_finite_input_is_refused(margin: list[float]) -> None:
    """NaN has no rank, but sorting would give it one."""
    some = Predictions(np.array(margin), np.arange(len(margin)), np.zeros(len(margin), int))

    for figure in (evaluate, best_threshold):
        with pytest.raises(ValueError, match="a residue or more, with finite margins only"):
            figure(some)


def test_all_metrics_share_one_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorting dominates the cost of evaluating many lanes; each class is sorted once."""
    sizes: list[int] = []
    for name in ("sort", "argsort"):
        plain = getattr(np, name)

        def counted(values: NDArray[np.float64], plain: Any = plain) -> Any:
            sizes.append(len(values))
            return plain(values)

        monkeypatch.setattr(np, name, counted)
    labels = np.array([1, 0, 0, 1, 0])
    some = Predictions(np.arange(5.0), labels, labels)
    evaluate(some, ["ATP"])
    at_threshold(some, best_threshold(some))

    assert sorted(sizes) == [2, 3]


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(predictions())
@settings(deadline=None, max_examples=examples(100))
def test_a_ligands_metrics_equal_scikit_learns_on_its_residues(given_: Predictions) -> None:
    """On its residues and the negatives alone."""
    table = per_ligand(given_, ["ATP", "ZN", "CA"])
    for bit, name in enumerate(["ATP", "ZN", "CA"]):
        binds = given_.ligands & 2**bit > 0
        assert (name in table) == binds.any()
        if not binds.any():
            continue
        kept = binds | (given_.labels == 0)
        labels, margin = binds[kept].astype(int), given_.margin[kept]
        both = not binds[kept].all()
        assert table[name] == {
            "mcc": same(matthews_corrcoef(labels, margin > 0)),
            "recall": recall_score(labels, margin > 0),
            "roc_auc": same(roc_auc_score(labels, margin)) if both else None,
            "positives": binds.sum(),
        }


def test_a_ligand_is_scored_against_negatives_only() -> None:
    """Residues of other ligands do not count."""
    margin = np.array([1.0, -1.0, 1.0, 1.0, -1.0])
    ligands = np.array([0b01, 0b01, 0b10, 0b11, 0b00])
    table = per_ligand(Predictions(margin, np.array([1, 1, 1, 1, 0]), ligands), ["ATP", "ZN", "CA"])

    assert table["ATP"]["recall"] == pytest.approx(2 / 3)
    assert table["ATP"]["positives"] == 3
    assert table["ATP"]["mcc"] == pytest.approx(matthews_corrcoef([1, 1, 1, 0], [1, 0, 1, 0]))
    assert table["ZN"] == {"mcc": 1.0, "recall": 1.0, "roc_auc": 1.0, "positives": 2}
    assert "CA" not in table
