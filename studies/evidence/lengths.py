"""The same configurations and seeds at two lengths of training, run by run."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from scipy import stats

from studies.evidence.contrasts import contrast
from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.study.design import MEASURE


def lengths(shorter: TrialTable, longer: TrialTable) -> dict[str, Any]:
    """What more training does to each measured run, and whether the same runs win.

    Args:
        shorter: of a study with ``targets``.
        longer: of one with the same design.

    Returns:
        A JSON tree: ``gain`` (a paired contrast), ``gains`` by target set, Spearman's ``rank``
        correlation of the two lengths over the runs.

    Raises:
        ValueError: if the two have no run in common.
    """
    first, second = ({_key(row): row for row in _measured(t)} for t in (shorter, longer))
    shared = sorted(set(first) & set(second))
    before = {index: first[key].value for index, key in enumerate(shared)}
    after = {index: second[key].value for index, key in enumerate(shared)}
    by_set: dict[str, list[float]] = {}
    for index, key in enumerate(shared):
        gains = by_set.setdefault(str(first[key].values["targets"]), [])
        gains.append(after[index] - before[index])
    labels = shorter.space.labels()
    return {
        "gain": contrast(before, after).to_json(),
        "gains": {labels.get(name, name): fmean(gains) for name, gains in sorted(by_set.items())},
        "rank": float(stats.spearmanr(list(before.values()), list(after.values())).statistic),
    }


def _measured(table: TrialTable) -> list[Row]:
    return [row for row in table.rows if row.phase == MEASURE]


def _key(row: Row) -> tuple[str, int]:
    """Configuration and seed; as text, for names and numbers do not sort together."""
    return repr(sorted(row.values.items())), row.seed
