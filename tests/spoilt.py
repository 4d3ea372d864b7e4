"""Tables with one defect each, for tests of the verdict's guards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from judged import FloatArray, simple_table, with_values

from sweep.analysis.rows import Failed
from sweep.analysis.table import TrialTable
from sweep.study.parameters import Choice
from sweep.study.space import Space

GAIN = 0.05 * np.array([-1.0, -1.0, 0.0, 1.0, 1.0])


def healthy(n: int = 100, noise: float = 0.01, seed: int = 0) -> TrialTable:
    """A valid table: t has an effect of five times the noise."""
    return simple_table(n, lambda at: GAIN[at["t"].astype(int)], noise=noise, seed=seed)


def place(table: TrialTable, name: str) -> FloatArray:
    """Each trial's value of a number, shape ``(n,)``."""
    return np.array([float(row.values[name]) for row in table.rows])


def few() -> TrialTable:
    """Nineteen configurations."""
    return healthy(19)


def missing() -> TrialTable:
    """A space with a choice that no trial has."""
    table = healthy()
    space = Space({**table.space.params, "t": Choice(*"pqrsvw")})
    return replace(table, space=space)


def never_varied() -> TrialTable:
    """The parameter that t is compared with is constant."""
    table = healthy()
    return replace(table, rows=tuple(replace(r, values={**r.values, "a": 4.0}) for r in table.rows))


def confounded() -> TrialTable:
    """A and b are always equal."""
    table = healthy()
    return replace(
        table, rows=tuple(replace(r, values={**r.values, "b": r.values["a"]}) for r in table.rows)
    )


def nearly_confounded() -> TrialTable:
    """A and b are equal except in three of 100 trials."""
    table = confounded()
    rows = [
        replace(r, values={**r.values, "b": 1.0 + 15.0 * (r.values["a"] == 1.0)}) if i < 3 else r
        for i, r in enumerate(table.rows)
    ]
    return replace(table, rows=tuple(rows))


def adaptive() -> TrialTable:
    """The trials come from an adaptive sampler."""
    return replace(healthy(), sampling="adaptive")


def uneven() -> TrialTable:
    """A sampler that converged on low rates."""
    table = healthy()
    rows = [
        replace(r, values={**r.values, "u": 2.0 * ((float(r.values["u"]) + 1) / 2) ** 2 - 1})
        for r in table.rows
    ]
    return replace(table, rows=tuple(rows), sampling="unknown")


def failed() -> TrialTable:
    """Six additional failed trials."""
    return replace(healthy(), failed=tuple(Failed(200 + i) for i in range(6)))


def not_a_number() -> TrialTable:
    """Six trials with NaN."""
    values = healthy().y
    values[:6] = np.nan
    table = healthy()
    columns = {name: [row.values[name] for row in table.rows] for name in table.space}
    return TrialTable.from_arrays(columns, values, space=table.space)


def collapsed() -> TrialTable:
    """Six runs far below the others, at random places."""
    values = healthy().y
    values[np.random.default_rng(1).choice(100, 6, replace=False)] -= 1.0
    return with_values(healthy(), values)


def collapsed_at_high_rates() -> TrialTable:
    """The four runs of the highest rates far below the others."""
    table = healthy()
    values = table.y
    values[np.argsort(place(table, "u"))[-4:]] -= 1.0
    return with_values(table, values)


def collapsed_at_one_choice() -> TrialTable:
    """Five of the twenty runs of one choice far below the others."""
    table = healthy()
    values = table.y
    values[[i for i, row in enumerate(table.rows) if row.values["t"] == "s"][:5]] -= 1.0
    return with_values(table, values)


def degenerate() -> TrialTable:
    """A fifth of the runs has the value of guessing."""
    table = healthy(noise=0.03)
    values = table.y
    values[np.random.default_rng(0).choice(100, 22, replace=False)] = 0.0
    return with_values(table, values)


def heavy() -> TrialTable:
    """A tenth of the runs is better by eight standard deviations."""
    table = healthy()
    lucky = np.random.default_rng(1).choice(100, 10, replace=False)
    return with_values(table, table.y + 0.08 * np.isin(np.arange(100), lucky))


def heteroscedastic() -> TrialTable:
    """Noise that grows 16 times from the lowest rate to the highest."""
    table = healthy(noise=0.0)
    sd = 0.005 * 16.0 ** ((place(table, "u") + 1.0) / 2.0)
    return with_values(table, table.y + sd * np.random.default_rng(1).normal(size=100))
