"""Studies with rank-stabilised trials: the definitions of scaling and size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from judged import quick

from sweep.analysis.importance.importance import importance
from sweep.analysis.importance.trials import TrialArrays
from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.claim_terms import roles_of
from sweep.analysis.verdict.eligible_trials import select_trials
from sweep.analysis.verdict.hypotheses import Hypotheses, hypotheses_of
from sweep.study.claim import Claim
from sweep.study.parameters import Choice
from sweep.study.space import Space

CLAIM = Claim(over=("rank", "scaling"), negligible=("rank", "scaling"), nuisances=())
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "set": {"fixed": {"rslora": True}},
    "sampled, always": {"rslora": (True,)},
    "sampled": {"rslora": (True, False)},
}


def table_of(
    *, fixed: dict[str, bool] | None = None, rslora: tuple[bool, ...] = (), by: str = "alpha"
) -> TrialTable:
    """120 trials whose result depends only on the target set and the update's scaling factor."""
    rng = np.random.default_rng(0)
    n = 120
    targets, rank, alpha = (rng.permutation(np.arange(n) % k) for k in (3, 5, 4))
    stabilised = rng.permutation(np.resize(rslora or ((fixed or {}).get("rslora", False),), n))
    scaling = alpha - np.where(stabilised, 0.5, 1.0) * rank
    columns: dict[str, Any] = {"targets": np.array([*"pqr"])[targets], "rank": 2**rank}
    columns[by] = 2**alpha if by == "alpha" else 2.0**scaling
    space = {"targets": Choice(*"pqr"), "rank": Choice(1, 2, 4, 8, 16), "alpha": Choice(1, 2, 4, 8)}
    if by == "scaling":
        del space["alpha"]
        space["scaling"] = Choice(*sorted({*columns[by].tolist()}))
    if rslora:
        columns["rslora"], space["rslora"] = stabilised, Choice(*rslora)
    y = 0.05 * targets + 0.01 * scaling + rng.normal(0, 0.003, n)
    sizes = (1 + targets) * 2**rank
    return TrialTable.from_arrays(columns, y, space=Space(space), sizes=sizes, fixed=fixed)


def asked(table: TrialTable) -> Hypotheses:
    """The question that a claim asks of a table."""
    terms = roles_of(CLAIM, tuple(table.space))
    return hypotheses_of(CLAIM, terms, select_trials(table, terms))


@pytest.mark.parametrize(("kind", "doublings"), [("plain", 3), ("set", 6), ("sampled, always", 6)])
def test_alpha_counts_as_the_size_at_one_scaling(kind: str, doublings: float) -> None:
    """With rsLoRA, alpha doubles once where rank, and so size, doubles twice."""
    hypotheses = asked(table_of(**KINDS[kind]))

    assert hypotheses.size is not None
    spans = {hypotheses.names[i]: np.ptp(values) for i, values in hypotheses.size.slopes.items()}
    assert spans == {"rank": pytest.approx(4), "alpha": pytest.approx(doublings)}


def test_size_is_unknown_if_alpha_relates_to_it_in_two_ways() -> None:
    """With alpha and rslora both sampled; not if scaling itself is."""
    hypotheses = asked(table_of(**KINDS["sampled"]))

    assert hypotheses.size is None
    assert hypotheses.no_size.startswith("rslora varied beside alpha, so")
    assert asked(table_of(**KINDS["sampled"], by="scaling")).size is not None


@pytest.mark.parametrize("kind", KINDS)
def test_importance_derives_the_trained_factor(kind: str) -> None:
    """From all parameters that determine it, if they varied."""
    table = table_of(**KINDS[kind])
    trained = table_of(**KINDS[kind], by="scaling").column("scaling")
    view = TrialArrays.of(table)
    names = {"rank", "alpha", "rslora"} if kind == "sampled" else {"rank", "alpha"}

    assert view.rule is not None
    assert set(view.rule.of) == names
    assert view.other[view.derived_index()].places == pytest.approx(np.log2(trained))
    of = [row.of for row in importance(table, n_bootstrap=0, n_null=0).rows if row.of]
    assert [set(each) for each in of][:2] == [names, names]  # the derived row and the group's


@pytest.mark.parametrize("kind", KINDS)
def test_a_claim_about_scaling_covers_all_that_determine_it(kind: str) -> None:
    """With alpha sampled; a sampled scaling stands alone."""
    found = quick(table_of(**KINDS[kind]), CLAIM)
    by_scaling = quick(table_of(**KINDS[kind], by="scaling"), CLAIM)

    three = "rank+alpha+rslora" if kind == "sampled" else "rank+alpha"
    assert found.part("dominance").comparisons[0].over == three
    assert by_scaling.part("dominance").comparisons[0].over == "rank+scaling"
    assert found.part("dominance").state == by_scaling.part("dominance").state
