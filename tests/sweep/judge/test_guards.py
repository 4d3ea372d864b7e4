"""Each guard stops the verdict where it must, and says why; alone where it can be alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from judged import ABOUT_T, FloatArray, quick, simple_table, with_values

from sweep.claim import Claim
from sweep.rows import Failed
from sweep.space import Choice, Space
from sweep.table import TrialTable

GAIN = 0.05 * np.array([-1.0, -1.0, 0.0, 1.0, 1.0])


def _healthy(n: int = 100, noise: float = 0.01, seed: int = 0) -> TrialTable:
    return simple_table(n, lambda at: GAIN[at["t"].astype(int)], noise=noise, seed=seed)


def _place(table: TrialTable, name: str) -> FloatArray:
    return np.array([float(row.values[name]) for row in table.rows])


def _few() -> TrialTable:
    return _healthy(19)


def _missing() -> TrialTable:
    table = _healthy()
    space = Space({**table.space.params, "t": Choice(*"pqrsvw")})
    return replace(table, space=space)


def _never_varied() -> TrialTable:
    table = _healthy()
    return replace(table, rows=tuple(replace(r, values={**r.values, "a": 4.0}) for r in table.rows))


def _confounded() -> TrialTable:
    """A and b always the same."""
    table = _healthy()
    return replace(
        table, rows=tuple(replace(r, values={**r.values, "b": r.values["a"]}) for r in table.rows)
    )


def _nearly_confounded() -> TrialTable:
    """A and b the same but for three trials of 100."""
    table = _confounded()
    rows = [
        replace(r, values={**r.values, "b": 1.0 + 15.0 * (r.values["a"] == 1.0)}) if i < 3 else r
        for i, r in enumerate(table.rows)
    ]
    return replace(table, rows=tuple(rows))


def _adaptive() -> TrialTable:
    return replace(_healthy(), sampling="adaptive")


def _uneven() -> TrialTable:
    """A sampler that settled on low rates."""
    table = _healthy()
    rows = [
        replace(r, values={**r.values, "u": 2.0 * ((float(r.values["u"]) + 1) / 2) ** 2 - 1})
        for r in table.rows
    ]
    return replace(table, rows=tuple(rows), sampling="unknown")


def _failed() -> TrialTable:
    return replace(_healthy(), failed=tuple(Failed(200 + i) for i in range(6)))


def _not_a_number() -> TrialTable:
    values = _healthy().y
    values[:6] = np.nan
    table = _healthy()
    columns = {name: [row.values[name] for row in table.rows] for name in table.space}
    return TrialTable.from_arrays(columns, values, space=table.space)


def _collapsed() -> TrialTable:
    values = _healthy().y
    values[np.random.default_rng(1).choice(100, 6, replace=False)] -= 1.0
    return with_values(_healthy(), values)


def _collapsed_at_high_rates() -> TrialTable:
    table = _healthy()
    values = table.y
    values[np.argsort(_place(table, "u"))[-4:]] -= 1.0
    return with_values(table, values)


def _collapsed_at_one_choice() -> TrialTable:
    table = _healthy()
    values = table.y
    values[[i for i, row in enumerate(table.rows) if row.values["t"] == "s"][:5]] -= 1.0
    return with_values(table, values)


def _degenerate() -> TrialTable:
    """A fifth of the runs has the value of guessing."""
    table = _healthy(noise=0.03)
    values = table.y
    values[np.random.default_rng(0).choice(100, 22, replace=False)] = 0.0
    return with_values(table, values)


def _heavy() -> TrialTable:
    """A tenth of the runs is better by eight standard deviations."""
    table = _healthy()
    lucky = np.random.default_rng(1).choice(100, 10, replace=False)
    return with_values(table, table.y + 0.08 * np.isin(np.arange(100), lucky))


def _heteroscedastic() -> TrialTable:
    """Noise that grows 16 times from the lowest rate to the highest."""
    table = _healthy(noise=0.0)
    sd = 0.005 * 16.0 ** ((_place(table, "u") + 1.0) / 2.0)
    return with_values(table, table.y + sd * np.random.default_rng(1).normal(size=100))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_few, "19 configurations: fewer than 20 prove nothing"),
        (_missing, "no trial has t = w"),
        (_never_varied, "a never varied"),
        (_confounded, "the design cannot tell the parameters' effects apart"),
        (_nearly_confounded, "the design confounds its effects: variance inflation"),
        (_adaptive, "every trial was chosen by a sampler that looks at earlier results"),
        (_uneven, "u was not sampled evenly"),
        (_failed, "6 of 106 trials failed, more than 5%"),
        (_not_a_number, "6 of 100 trials failed, more than 5%"),
        (_collapsed, "6 of 100 runs collapsed, more than 5%"),
        (_collapsed_at_high_rates, "the 4 collapsed runs of 100 go with u"),
        (_collapsed_at_one_choice, "the 5 collapsed runs of 100 go with t"),
        (_degenerate, "22 of 100 trials have the value 0: the metric is degenerate"),
        (_heavy, "tails too heavy"),
        (_heteroscedastic, "times over u"),
    ],
)
def test_a_guard_stops_the_verdict_alone(make: Callable[[], TrialTable], says: str) -> None:
    """Without its cause the same claim is confirmed; with it there is one guard and no answer."""
    assert quick(_healthy()).verdict == "CONFIRMED"

    found = quick(make())

    [guard] = found.guards
    assert says in guard
    assert found.verdict == "INCONCLUSIVE"
    assert found.reason == f"No verdict: {guard}."
    assert found.only_at == ()


@pytest.mark.parametrize("value", [0.0, 0.25, -1e9])
def test_a_constant_metric_has_no_verdict(value: float) -> None:
    """Nothing to explain, no shares of rounding, and no other guard."""
    found = quick(with_values(_healthy(), np.full(100, value)))

    [guard] = found.guards
    assert "100 trials count, with 1 different values: nothing varied" in guard
    assert (found.verdict, found.parts, found.parameters) == ("INCONCLUSIVE", (), ())


def test_seeds_that_cancel_have_no_verdict() -> None:
    """Every configuration has the same mean, so that no effect is there to be explained."""
    table = _healthy(40)
    rows = [
        replace(row, number=row.number + 40 * k, seed=k, value=2.0 * k - 1.0)
        for k in (0, 1)
        for row in table.rows
    ]

    assert quick(replace(table, rows=tuple(rows))).verdict == "INCONCLUSIVE"


def test_a_design_with_seeds_is_no_uneven_sampling() -> None:
    """Five seeds of each configuration are not five times the evidence against the sampler."""
    fired = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        columns = {"t": rng.integers(5, size=60), "a": rng.integers(5, size=60)}
        y = np.repeat(0.05 * (columns["t"] == 1), 5) + rng.normal(0, 0.01, 300)
        of = {name: [f"c{c}" for c in np.repeat(column, 5)] for name, column in columns.items()}
        table = TrialTable.from_arrays(of, y, seeds=np.tile(np.arange(5), 60), sampling="unknown")
        fired += any("sampled evenly" in guard for guard in quick(table).guards)

    assert fired <= 2


def test_trials_that_a_sampler_chose_do_not_count_beside_measured_ones() -> None:
    """A study with both phases is no adaptive one: its measurement counts."""
    table = _healthy(120)
    phases = ["measure"] * 60 + ["search"] * 60
    rows = tuple(replace(r, phase=p) for r, p in zip(table.rows, phases, strict=True))
    mixed = replace(table, rows=rows, sampling="adaptive")

    found = quick(mixed)

    assert found.guards == ()
    assert found.n_trials == 60


def test_every_reason_is_told() -> None:
    """A study with three faults says three."""
    found = quick(replace(_missing(), failed=_failed().failed, sampling="adaptive"))

    assert len(found.guards) == 3
    assert all(guard in found.reason for guard in found.guards)


def test_a_guarded_verdict_still_shows_what_was_measured() -> None:
    """Effects without an answer: the reader may look."""
    found = quick(_adaptive(), Claim("t", ("a",), ("a",), nuisances=("u",)))

    assert found.verdict == "INCONCLUSIVE"
    assert found.parameters[0].name == "t"
    assert found.part("dominance").state == "CONFIRMED"
    assert found.claim != ABOUT_T
