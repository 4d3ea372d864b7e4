"""The trials that count for a verdict; excluded ones are counted by reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judged import ABOUT_T, quick, repeated, simple_table, with_values

from sweep.analysis.table import Dropped, TrialTable
from sweep.analysis.verdict.claim_terms import roles_of
from sweep.analysis.verdict.eligible_trials import select_trials
from sweep.analysis.verdict.result import Verdict

GAIN = 0.05 * np.array([-1.0, -1.0, 0.0, 1.0, 1.0])
TABLE = simple_table(100, lambda at: GAIN[at["t"].astype(int)], noise=0.01)


def _counts(found: Verdict) -> dict[str, int]:
    return {each.reason: each.n for each in found.excluded}


def _phased(*phases: str) -> TrialTable:
    """The same trials, with phases assigned in turn."""
    rows = [replace(row, phase=phases[i % len(phases)]) for i, row in enumerate(TABLE.rows)]
    return replace(TABLE, rows=tuple(rows))


def test_only_measured_trials_count_if_there_are_any() -> None:
    """Trials chosen by earlier results do not count; nor does a pilot."""
    found = quick(_phased("measure", "search", "measure", "pilot"))

    assert found.n_trials == 50
    assert _counts(found) == {
        "it was not measured for the claim: the search chose it by earlier results": 50
    }


def test_values_of_the_search_change_nothing() -> None:
    """However good they are."""
    table = _phased("measure", "search")
    better = [r.value + 5.0 * (r.phase == "search") for r in table.rows]

    one, other = quick(table), quick(with_values(table, better))

    assert one.parts == other.parts
    assert one.parameters == other.parameters


def test_without_a_measurement_all_but_the_pilot_count() -> None:
    """In a study without phases."""
    found = quick(_phased("", "pilot", ""))

    assert found.n_trials == 67
    assert _counts(found) == {"it is of the pilot": 33}


def test_unusable_values_are_counted_and_excluded() -> None:
    """NaN and infinity, three in a hundred."""
    columns = {name: [row.values[name] for row in TABLE.rows] for name in TABLE.space}
    y = TABLE.y
    y[:3] = [np.nan, np.inf, -np.inf]

    found = quick(TrialTable.from_arrays(columns, y, space=TABLE.space))

    assert found.verdict == "CONFIRMED"
    assert found.n_trials == 97
    assert _counts(found) == {
        "its value is nan": 1, "its value is inf": 1, "its value is -inf": 1,
    }  # fmt: skip


@pytest.mark.parametrize("no_value", [True, False])
def test_trials_without_a_value_count_as_failed(*, no_value: bool) -> None:
    """Whatever their reason says: 10 in 110 trigger a guard; ten without a parameter do not."""
    reason = "it has no t" if no_value else "its value is out of place"
    dropped = tuple(Dropped(200 + i, reason, no_value=no_value) for i in range(10))

    found = quick(replace(TABLE, dropped=dropped))

    assert _counts(found) == {reason: 10}
    assert any("10 of 110 trials failed" in guard for guard in found.guards) is no_value


def test_the_pool_has_eligible_and_collapsed_trials() -> None:
    """Without the search's trials, and those without a value."""
    table = _phased("measure", "search")
    rows = tuple(replace(row, collapsed=row.number in (4, 5)) for row in table.rows)
    dropped = (Dropped(200, "its value is nan", no_value=True),)

    found = select_trials(
        replace(table, rows=rows, dropped=dropped), roles_of(ABOUT_T, tuple(table.space))
    )

    assert {row.number for row in found.pool} == set(range(0, 100, 2))
    assert {row.number for row in found.collapsed} == {4}
    assert {row.number for row in found.table.rows} == set(range(0, 100, 2)) - {4}
    assert found.failed == 1


def test_runs_marked_as_collapsed_do_not_count() -> None:
    """By their own metrics, although their value is not far below the others."""
    rows = [replace(row, collapsed=i in (4, 31)) for i, row in enumerate(TABLE.rows)]

    found = quick(replace(TABLE, rows=tuple(rows)))

    [excluded] = found.excluded
    assert excluded.reason == "it collapsed, as its own metrics say"
    assert excluded.numbers == (4, 31)
    assert found.n_trials == 98


def test_runs_collapsed_by_the_rule_do_not_count() -> None:
    """A run far below its configuration's prediction, reported with its number."""
    y = TABLE.y
    y[17] -= 3.0

    found = quick(with_values(TABLE, y))

    [excluded] = found.excluded
    assert "more than 6 robust sd below" in excluded.reason
    assert excluded.numbers == (17,)
    assert "1 of 100 runs collapsed (1.0%)" in found.notes[0]


def test_all_runs_may_have_collapsed() -> None:
    """No run is left, and no error is raised."""
    rows = tuple(replace(row, collapsed=True) for row in TABLE.rows)

    found = quick(replace(TABLE, rows=rows))

    assert found.verdict == "INCONCLUSIVE"
    assert found.n_trials == 0
    assert found.excluded[0].n == 100


@pytest.mark.parametrize("times", [2, 5])
def test_copies_of_trials_add_no_evidence(times: int) -> None:
    """The same values with more seeds: as many configurations, the same probabilities."""
    one, many = quick(TABLE), quick(repeated(TABLE, times))

    assert (many.n_trials, many.n_configurations) == (100 * times, 100)
    for part, again in zip(one.parts, many.parts, strict=True):
        assert again.probability == pytest.approx(part.probability, abs=1e-6)
        assert again.refuted == pytest.approx(part.refuted, abs=1e-6)
    for effect, again_ in zip(one.parameters, many.parameters, strict=True):
        assert (again_.sigma_low, again_.sigma_high) == pytest.approx(
            (effect.sigma_low, effect.sigma_high)
        )
    assert many.seed_noise.sd == 0.0


def test_ten_seeds_of_nineteen_configurations_count_as_nineteen() -> None:
    """This is too few, whatever the number of runs."""
    few = simple_table(19, lambda at: GAIN[at["t"].astype(int)], noise=0.01)

    found = quick(repeated(few, 10), ABOUT_T)

    assert found.n_configurations == 19
    assert any("19 configurations" in guard for guard in found.guards)


def test_seed_noise_is_that_of_the_runs() -> None:
    """Replicates with noise of 0.01, and no lack of fit."""
    rng = np.random.default_rng(0)
    twice = repeated(TABLE, 2)
    y = np.concatenate(
        [GAIN[list("pqrsv").index(str(r.values["t"]))] + np.zeros(1) for r in twice.rows]
    )

    found = quick(with_values(twice, y + rng.normal(0, 0.01, 200)))

    noise = found.seed_noise
    assert noise.df == 100
    assert noise.sd == pytest.approx(0.01, rel=0.25)
    assert found.lack_of_fit is not None
    assert found.lack_of_fit > 0.001


def test_lack_of_fit_is_noted() -> None:
    """A jagged surface with nearly no noise between seeds."""
    jagged = simple_table(60, lambda at: 0.05 * np.sin(40.0 * at["u"]))
    twice = repeated(jagged, 2)
    y = [row.value + 0.001 * row.seed for row in twice.rows]

    found = quick(with_values(twice, y))

    assert found.lack_of_fit is not None
    assert found.lack_of_fit < 1e-6
