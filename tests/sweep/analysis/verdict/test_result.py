"""A verdict's JSON tree: every field, plain values, in order."""

from __future__ import annotations

import json

import numpy as np
import pytest
from judged import FAST, simple_table, straight, study

from sweep.analysis.verdict.result import Verdict
from sweep.analysis.verdict.verdict import judge
from sweep.study.claim import Claim

TOP = (
    "verdict",
    "headline",
    "claim",
    "reason",
    "parts",
    "parameters",
    "groups",
    "interactions",
    "seed_noise",
    "n_trials",
    "n_configurations",
    "excluded",
    "cross_checks",
    "trials_needed",
    "guards",
    "only_at",
)


@pytest.fixture(
    scope="module",
    params=[
        "A",
        "S7fixed",
        "COLtold",
        *(pytest.param(kind, marks=pytest.mark.integration) for kind in ("C", "S7", "HC")),
    ],
)
def found(request: pytest.FixtureRequest) -> Verdict:
    """Verdicts of several kinds, with all their parts."""
    table = study(request.param, 80, 1)
    return judge(table, Claim(), n_draws=200, checks=FAST)


def test_the_tree_has_every_documented_field(found: Verdict) -> None:
    """At top level, and in each list's entries."""
    tree = json.loads(json.dumps(found.to_json(), allow_nan=False))

    assert set(TOP) <= set(tree)
    for effect in (*tree["parameters"], *tree["groups"], *tree["interactions"]):
        assert {"name", "share", "low", "high", "sigma", "noise_floor", "total_share"} <= set(
            effect
        )
    for part in tree["parts"]:
        assert {"name", "state", "probability", "view", "says"} <= set(part)
    for check in tree["cross_checks"]:
        assert {"name", "question", "passes", "veto", "says"} <= set(check)
    for excluded in tree["excluded"]:
        assert excluded["reason"]
        assert excluded["n"] > 0
    assert tree["claim"]["says"] == str(found.claim)
    assert Claim.from_json(tree["claim"]) == found.claim
    assert tree["verdict"] in ("CONFIRMED", "REFUTED", "INCONCLUSIVE")


def test_intervals_contain_estimates_and_totals_exceed_main_effects(found: Verdict) -> None:
    """Low <= share <= high; main share <= total share; shares decrease."""
    for effect in (*found.parameters, *found.groups, *found.interactions):
        assert 0.0 <= effect.low <= effect.share <= effect.high <= 1.0
        assert effect.share <= effect.total_share <= 1.0 + 1e-12
        assert effect.sigma_low <= effect.sigma <= effect.sigma_high
        assert effect.sigma <= effect.total_sigma
        assert effect.total_low <= effect.total_sigma <= effect.total_high
        assert effect.noise_floor > 0.0
    shares = [effect.share for effect in found.parameters]
    assert shares == sorted(shares, reverse=True)


def test_shares_of_main_effects_and_interactions_sum_to_1(found: Verdict) -> None:
    """Except for truncation at 0."""
    parts = (*found.parameters, *found.interactions)

    assert sum(effect.share for effect in parts) == pytest.approx(1.0, abs=0.1)


def test_sentences_use_the_real_names(found: Verdict) -> None:
    """No anonymous name, no doubled blank or period, in any text."""
    sentences = [found.reason, *found.notes, *found.guards, *(part.says for part in found.parts)]
    sentences += [check.says for check in found.cross_checks]

    for text in sentences:
        assert not any(f"p{i:02d}" in text for i in range(9))
        assert ".." not in text
        assert "  " not in text


def test_a_group_has_the_variance_of_its_members_and_their_interaction() -> None:
    """Standard deviations 3 and 4 without noise: 5 together."""
    table = simple_table(100, lambda at: 3.0 * straight(at["a"]) + 4.0 * straight(at["b"]))

    found = judge(
        table, Claim("t", (("a", "b"),), (), nuisances=()), n_draws=200, cross_checks=False
    )

    [group] = found.groups
    assert (group.name, group.of) == ("a+b", ("a", "b"))
    assert group.sigma == pytest.approx(5.0)
    assert group.share == pytest.approx(1.0)


def test_the_best_of_each_choice_has_its_label() -> None:
    """Optima of five choices, one of them at the end of the range."""
    at_best = np.array([-0.5, 0.0, 0.5, 1.0, 0.2])
    table = simple_table(
        150,
        lambda at: 1.0 * at["t"] - (at["u"] - at_best[at["t"].astype(int)]) ** 2,
        noise=0.02,
    )

    found = judge(table, Claim("t", ("a",), (), nuisances=("u",)), n_draws=300, cross_checks=False)

    best = {place.choice: place for place in found.best}
    assert best.keys() == set("pqrsv")
    for k, name in enumerate("pqrsv"):
        place = best[name]
        assert place.at["u"] == pytest.approx(at_best[k], abs=0.1)
        assert place.low["u"] <= place.at["u"] <= place.high["u"]
        assert place.value == pytest.approx(k, abs=0.05)
        # The mean of (u - c)^2 over (-1, 1) is 1/3 + c^2.
        assert place.average == pytest.approx(k - 1 / 3 - at_best[k] ** 2, abs=0.05)


def test_a_part_is_found_by_name_and_view(found: Verdict) -> None:
    """Or an error is raised."""
    if found.parts:
        assert found.part("dominance").view == "averaged"
    with pytest.raises(KeyError):
        found.part("nonsense")
