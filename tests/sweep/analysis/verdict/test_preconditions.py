"""Each guard prevents the verdict when it must, with its reason, and alone if possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import spoilt
from judged import ABOUT_T, quick, with_values

from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.verdict import judge
from sweep.study.claim import Claim
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (spoilt.few, "19 configurations: fewer than 20 prove nothing"),
        (spoilt.missing, "no trial has t = w"),
        (spoilt.never_varied, "a never varied"),
        (spoilt.confounded, "the design cannot tell the parameters' effects apart"),
        (spoilt.nearly_confounded, "the design confounds its effects: variance inflation"),
        (spoilt.adaptive, "every trial was chosen by a sampler that looks at earlier results"),
        (spoilt.uneven, "u was not sampled evenly"),
        (spoilt.failed, "6 of 106 trials failed, more than 5%"),
        (spoilt.not_a_number, "6 of 100 trials failed, more than 5%"),
        (spoilt.collapsed, "6 of 100 runs collapsed, more than 5%"),
        (spoilt.collapsed_at_high_rates, "the 4 collapsed runs of 100 go with u"),
        (spoilt.collapsed_at_one_choice, "the 5 collapsed runs of 100 go with t"),
        (spoilt.degenerate, "22 of 100 trials have the value 0: the metric is degenerate"),
        (spoilt.heavy, "tails too heavy"),
        (spoilt.heteroscedastic, "times over u"),
    ],
)
def test_a_guard_stops_the_verdict_alone(make: Callable[[], TrialTable], expected: str) -> None:
    """Without its cause the claim is confirmed; with it there is one guard and no answer."""
    assert quick(spoilt.healthy()).verdict == "CONFIRMED"

    found = quick(make())

    [guard] = found.guards
    assert expected in guard
    assert found.verdict == "INCONCLUSIVE"
    assert found.reason == f"No verdict: {guard}."
    assert found.only_at == ()


@pytest.mark.parametrize("value", [0.0, 0.25, -1e9])
def test_a_constant_metric_has_no_verdict(value: float) -> None:
    """No variance, no shares of rounding errors, and no other guard."""
    found = quick(with_values(spoilt.healthy(), np.full(100, value)))

    [guard] = found.guards
    assert "100 trials count, with 1 different values: nothing varied" in guard
    assert (found.verdict, found.parts, found.parameters) == ("INCONCLUSIVE", (), ())


def test_seeds_that_cancel_have_no_verdict() -> None:
    """Every configuration has the same mean, so there is no effect."""
    table = spoilt.healthy(40)
    rows = [
        replace(row, number=row.number + 40 * k, seed=k, value=2.0 * k - 1.0)
        for k in (0, 1)
        for row in table.rows
    ]

    assert quick(replace(table, rows=tuple(rows))).verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("studies", "most"), [(10, 1), pytest.param(40, 2, marks=pytest.mark.integration)]
)
def test_replicates_are_no_uneven_sampling(studies: int, most: int) -> None:
    """Five seeds of each configuration are not five times the evidence of adaptive sampling."""
    fired = 0
    for seed in range(studies):
        rng = np.random.default_rng(seed)
        columns = {"t": rng.integers(5, size=60), "a": rng.integers(5, size=60)}
        y = np.repeat(0.05 * (columns["t"] == 1), 5) + rng.normal(0, 0.01, 300)
        of = {name: [f"c{c}" for c in np.repeat(column, 5)] for name, column in columns.items()}
        table = TrialTable.from_arrays(of, y, seeds=np.tile(np.arange(5), 60), sampling="unknown")
        fired += any("sampled evenly" in guard for guard in quick(table).guards)

    assert fired <= most


def test_a_sampler_s_trials_do_not_count_beside_measured_ones() -> None:
    """A study with both phases is not adaptive: only its measurement counts."""
    table = spoilt.healthy(120)
    phases = ["measure"] * 60 + ["search"] * 60
    rows = tuple(replace(r, phase=p) for r, p in zip(table.rows, phases, strict=True))
    mixed = replace(table, rows=rows, sampling="adaptive")

    found = quick(mixed)

    assert found.guards == ()
    assert found.n_trials == 60


def test_every_reason_is_reported() -> None:
    """A study with three defects has three reasons."""
    found = quick(replace(spoilt.missing(), failed=spoilt.failed().failed, sampling="adaptive"))

    assert len(found.guards) == 3
    assert all(guard in found.reason for guard in found.guards)


def test_a_guarded_verdict_still_has_the_effects() -> None:
    """Effects without an answer."""
    found = quick(spoilt.adaptive(), Claim("t", ("a",), ("a",), nuisances=("u",)))

    assert found.verdict == "INCONCLUSIVE"
    assert found.parameters[0].name == "t"
    assert found.part("dominance").state == "CONFIRMED"
    assert found.claim != ABOUT_T


def test_a_number_between_tried_ones_is_not_missing() -> None:
    """A rank between tried ones is interpolated; one beyond them is unknown."""
    rng = np.random.default_rng(0)
    space = Space({"t": Choice("u", "v"), "r": Choice(1, 2, 4, 8), "w": Float(0.0, 1.0)})
    claim = Claim("t", ("r",), negligible=(), nuisances=())

    def reason(*ranks: int) -> str:
        columns = {
            "t": rng.permutation(["u", "v"] * 30),
            "r": rng.permutation(np.resize(ranks, 60)),
            "w": rng.uniform(size=60),
        }
        table = TrialTable.from_arrays(columns, rng.normal(size=60), space=space)
        return " ".join(judge(table, claim, n_draws=100, cross_checks=False).guards)

    assert reason(1, 2, 8) == ""
    assert reason(1, 2, 4) == "no trial has r = 8"
