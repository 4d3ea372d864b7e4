"""Claims of any form: groups, numbers, many parameters, none negligible."""

from __future__ import annotations

import numpy as np
import pytest
from judged import quick, simple_table, straight

from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.hypotheses import DELTA_TO_SIGMA
from sweep.analysis.verdict.verdict import judge
from sweep.errors import SpecError
from sweep.study.claim import Claim
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space

GAIN = np.array([-1.0, -1.0, 0.0, 1.0, 1.0]) / np.sqrt(0.8)


def test_a_group_may_dominate_and_groups_may_be_dominated() -> None:
    """T and a together explain 25 times what b and u do, each half of it."""
    table = simple_table(
        120,
        lambda at: GAIN[at["t"].astype(int)] + straight(at["a"]) + 0.28 * straight(at["b"]),
        noise=0.2,
    )

    found = quick(table, Claim(("t", "a"), (("b", "u"),), (("u",),), delta=0.6, nuisances=()))

    assert found.verdict == "CONFIRMED"
    assert found.part("dominance").comparisons[0].over == "b+u"
    groups = {effect.name: effect for effect in found.groups}
    assert groups["t+a"].of == ("t", "a")
    assert groups["t+a"].share > 0.9
    assert groups.keys() == {"t+a", "b+u"}


def test_a_group_has_no_optimised_view_and_is_not_confirmed() -> None:
    """A confirmation would hold for averages only."""
    table = simple_table(80, lambda at: GAIN[at["t"].astype(int)] + straight(at["a"]), noise=0.2)

    found = quick(table, Claim(("t", "a"), ("b",), (), nuisances=("u",)))

    assert found.part("dominance").state == "CONFIRMED"
    assert found.part("dominance", "optimised").state == "UNTESTED"
    assert found.verdict == "INCONCLUSIVE"
    assert "no single best nuisance" in found.reason
    assert found.best == ()


@pytest.mark.parametrize(
    ("claim", "answer"),
    [
        (Claim("u", ("a",), (), nuisances=()), "CONFIRMED"),
        (Claim("u", ("a", "t"), ("t",), delta=0.6, nuisances=("b",)), "CONFIRMED"),
        (Claim("a", ("u",), (), nuisances=()), "REFUTED"),
        (Claim("u", ("a",), ("a",), delta=0.3, nuisances=()), "REFUTED"),
    ],
    ids=["over one", "with a nuisance", "the other way round", "not negligible"],
)
def test_a_range_may_dominate(claim: Claim, answer: str) -> None:
    """The rate explains 10 times what a does; negligibility is tested only if it is claimed."""
    table = simple_table(
        120, lambda at: np.sqrt(3.0) * at["u"] + 0.32 * straight(at["a"]), noise=0.2
    )

    found = quick(table, claim)

    assert found.verdict == answer
    names = {part.name for part in found.parts}
    assert names == {"dominance"} | ({"negligible"} if claim.negligible else set())


def test_two_choices_may_dominate() -> None:
    """With an adapter or without: one contrast."""
    rng = np.random.default_rng(0)
    on, a = rng.permutation(np.arange(80) % 2), rng.permutation(np.arange(80) % 4)
    y = 0.05 * on + 0.002 * a + rng.normal(0, 0.01, 80)
    table = TrialTable.from_arrays(
        {"on": on.astype(bool).tolist(), "a": a, "x": rng.uniform(-1, 1, 80)}, y
    )

    found = quick(table, Claim("on", ("a",), (), nuisances=()))

    assert found.verdict == "CONFIRMED"
    assert found.parameters[0].name == "on"
    assert found.parameters[0].sigma == pytest.approx(0.025, abs=0.004)


def test_a_claim_may_include_the_learning_rate() -> None:
    """A parameter in the claim is no nuisance parameter."""
    table = simple_table(
        120, lambda at: GAIN[at["t"].astype(int)] + np.sqrt(3.0) * at["u"], noise=0.2
    )

    over_all = quick(table, Claim("t", ("a", "u"), (), nuisances=("u",)))
    over_a = quick(table, Claim("t", ("a",), (), nuisances=()))

    assert over_all.verdict != "CONFIRMED"
    assert {part.view for part in over_all.parts} == {"averaged"}
    assert [c.over for c in over_all.part("dominance").comparisons if c.claimed] == ["a", "u"]
    assert over_a.verdict == "CONFIRMED"


def test_dominance_over_rank_and_scaling_but_not_the_rate() -> None:
    """Confirmed as claimed, and the reason names what the claim leaves out."""
    table = simple_table(
        150, lambda at: GAIN[at["t"].astype(int)] + np.sqrt(3.0) * at["u"], noise=0.2
    )

    found = quick(table, Claim("t", ("a", "b"), ("a", "b"), delta=0.6, nuisances=("u",)))

    assert found.verdict == "CONFIRMED"
    assert "t beats a and b by more than 2 times, but does not beat u" in found.reason
    assert "does not surely beat u, of which the claim says nothing" in found.reason
    beside = {c.over: c.claimed for c in found.part("dominance").comparisons}
    assert beside == {"a": True, "b": True, "u": False}


@pytest.mark.parametrize("ranks", [("low", "high", "full"), (0, 4, 8)], ids=["names", "with 0"])
def test_ranks_without_doublings_leave_size_untested(ranks: tuple[str | int, ...]) -> None:
    """Unordered ranks, or rank 0: sizes are recorded, but their effect cannot be estimated."""
    rng = np.random.default_rng(0)
    t, r = rng.permutation(np.arange(90) % 5), rng.permutation(np.arange(90) % 3)
    table = TrialTable.from_arrays(
        {
            "targets": ["pqrsv"[i] for i in t],
            "rank": [ranks[i] for i in r],
            "x": rng.uniform(-1, 1, 90),
        },
        0.02 * GAIN[t] + rng.normal(0, 0.005, 90),
        sizes=(t + 1.0) * (1 + r),
    )

    found = judge(table, Claim(over=("rank",), negligible=(), nuisances=()), cross_checks=False)

    assert found.part("beyond size").state == "UNTESTED"
    assert found.verdict == "CONFIRMED"


@pytest.mark.integration
def test_ten_parameters_and_500_trials() -> None:
    """With an interaction and a curve among the others, in a few seconds."""
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (9, 500))
    t = rng.integers(5, size=500)
    y = 0.03 * GAIN[t] + 0.01 * x[1] ** 3 * x[2] + rng.normal(0, 0.01, 500)
    names = [f"x{i}" for i in range(9)]
    space = Space({"t": Choice(*"pqrsv"), **{name: Float(-1.0, 1.0) for name in names}})
    table = TrialTable.from_arrays(
        {"t": ["pqrsv"[i] for i in t], **dict(zip(names, x, strict=True))}, y, space=space
    )

    found = quick(table, Claim("t", tuple(names), ("x0",), nuisances=("x8",)))

    assert found.verdict == "CONFIRMED"
    assert len(found.parameters) == 10
    assert found.interactions[0].name == "x1:x2"


def test_unknown_parameters_are_reported_at_once_with_known_ones() -> None:
    """Three typos, three faults, and the list of names."""
    table = simple_table(40, lambda at: at["u"])

    with pytest.raises(SpecError, match=r"claim\.dominant must be one of t, a, b, u") as caught:
        judge(table, Claim("targets", ("ranks", "b"), ("scale",)))

    assert len(caught.value.faults) == 3


def test_an_invalid_claim_and_invalid_arguments_are_reported_together() -> None:
    """Delta, kappa, draws and seed."""
    table = simple_table(40, lambda at: at["u"])

    with pytest.raises(SpecError, match="delta must be a number above 0") as caught:
        judge(table, Claim("t", ("a",), delta=0.0, kappa=0.5), n_draws=3, seed=-1)

    assert len(caught.value.faults) == 4


def test_a_quantity_derived_from_rank_is_not_compared_with_rank() -> None:
    """With alpha sampled, scaling is derived from rank and alpha."""
    columns = {"rank": [1, 2, 4] * 8, "alpha": [8, 16] * 12, "x": list(range(24))}
    table = TrialTable.from_arrays(columns, np.arange(24.0))

    with pytest.raises(SpecError, match="not be made of the same parameters"):
        judge(table, Claim("scaling", ("rank",), ()))


@pytest.mark.parametrize(
    ("bound", "answer"), [(0.5, "CONFIRMED"), (1.0, "INCONCLUSIVE"), (2.0, "REFUTED")]
)
def test_an_effect_dominates_only_if_it_surely_exceeds_delta(bound: float, answer: str) -> None:
    """Its sd is 1, known to 2 %, beside nothing."""
    table = simple_table(150, lambda at: GAIN[at["t"].astype(int)], noise=0.2)

    found = quick(table, Claim("t", ("a",), (), delta=bound / DELTA_TO_SIGMA, nuisances=()))

    assert found.verdict == answer
    assert ("end to end with probability" in found.reason) == (answer == "INCONCLUSIVE")
