"""Anonymise a table of trials: remove parameter names and arbitrary orders.

A verdict must not depend on what a parameter is called, which target set is listed first, or in
what order the trials ran. So it is computed on an anonymised table: parameters are numbered by
their part in the claim, unordered choices sorted by their mean result, rows by their content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.claim_terms import ClaimTerms
from sweep.study.parameters import Choice, Param, TargetSets
from sweep.study.space import Space


@dataclass(frozen=True)
class AnonymizedTable:
    """An anonymised table and the mapping back to real names.

    Attributes:
        table: the trials with only the parameters that varied, named ``p00``, ``p01``, ...
        names: anonymous name to real name, in order.
        labels: anonymous name to the labels of its choices, in the table's order, for unordered
            parameters.
    """

    table: TrialTable
    names: Mapping[str, str]
    labels: Mapping[str, tuple[str, ...]]

    def real_table(self) -> TrialTable:
        """The table with the real parameter names."""
        rows = tuple(
            replace(row, values={real: row.values[new] for new, real in self.names.items()})
            for row in self.table.rows
        )
        space = Space({real: self.table.space[new] for new, real in self.names.items()})
        return replace(self.table, space=space, rows=rows)

    def index(self, group: Sequence[str]) -> tuple[int, ...]:
        """Indices of parameters given by real name; those that did not vary are left out."""
        order = list(self.names.values())
        return tuple(order.index(name) for name in group if name in order)


def anonymize(table: TrialTable, terms: ClaimTerms) -> AnonymizedTable:
    """Number the parameters by their part in the claim; sort unordered choices by mean result."""
    varied = [name for name in table.space if len({row.values[name] for row in table.rows}) > 1]
    spaces = {name: _ordered(table, name) for name in varied}
    first = [name for name in (*terms.judged, *terms.nuisances) if name in varied]
    rest = [name for name in varied if name not in first]
    rest.sort(key=lambda name: -round(_explained(table, name), 9))
    real = {f"p{i:02d}": name for i, name in enumerate([*first, *rest])}
    space = Space({new: spaces[old] for new, old in real.items()})
    rows = [
        replace(row, values={new: row.values[old] for new, old in real.items()})
        for row in table.rows
    ]
    rows.sort(key=lambda row: (space.encode(row.values), row.value, row.seed))
    labels = {
        new: tuple(_label(table.space[old], value) for value in param.values)
        for new, old in real.items()
        if isinstance(param := spaces[old], Choice) and not param.numeric
    }
    first_row = table.rows[0].values if table.rows else {}
    constant = {name: value for name, value in first_row.items() if name not in varied}
    made = replace(
        table, space=space, rows=tuple(rows), derived=(), fixed={**table.fixed, **constant}
    )
    return AnonymizedTable(made, real, labels)


def _ordered(table: TrialTable, name: str) -> Param:
    """The parameter with its observed unordered choices sorted by mean result."""
    param = table.space[name]
    if (isinstance(param, Choice) and param.numeric) or not isinstance(param, (Choice, TargetSets)):
        return param
    found: dict[object, list[float]] = {}
    for row, y in zip(table.rows, table.y, strict=True):
        found.setdefault(row.values[name], []).append(float(y))
    tried = [value for value in param.values if value in found]
    return Choice(
        *sorted(tried, key=lambda v: (round(float(np.mean(found[v])), 12), len(found[v])))
    )


def _label(param: Param, value: object) -> str:
    return param.label(str(value)) if isinstance(param, TargetSets) else str(value)


def _explained(table: TrialTable, name: str) -> float:
    """Squared correlation of the result with a parameter's ranks, or with its choices' means."""
    values = [row.values[name] for row in table.rows]
    y = table.y / (np.abs(table.y).max() or 1.0)
    if all(isinstance(v, (int, float)) for v in values):
        ranks = np.unique(np.array(values, dtype=float), return_inverse=True)[1]
    else:
        means = {
            v: np.mean([each for w, each in zip(values, y, strict=True) if w == v])
            for v in set(values)
        }
        ranks = np.array([means[v] for v in values])
    if np.ptp(ranks) == 0.0 or np.ptp(y) == 0.0:
        return 0.0
    return float(np.corrcoef(ranks, y)[0, 1] ** 2)
