"""Importance on the terminal: pairs, null shares, alarms and matrices."""

from __future__ import annotations

import io
import json

import pytest
from tables import study_table

from sweep.analysis.importance.cautions import disagreement
from sweep.analysis.importance.importance import importance_report
from sweep.analysis.importance.result import (
    Importance,
    ImportanceReport,
    ImportanceTable,
    ModuleReport,
    ModuleShare,
)
from sweep.study.parameters import Float
from sweep.study.space import Space
from sweep.terminal.console import make_console
from sweep.terminal.importance import print_importance


def _printed(report: ImportanceReport) -> str:
    stream = io.StringIO()
    print_importance(json.loads(json.dumps(report.to_json())), make_console(stream))
    return stream.getvalue()


def _table(*rows: Importance) -> ImportanceTable:
    return ImportanceTable("fanova", rows, 40, 40, 0.9, 100, 0)


def test_each_share_is_shown_with_its_null() -> None:
    """A share is compared with that of noise."""
    row = Importance("rank", 0.5, 0.4, 0.6, "fanova", 40, null=0.25)

    lines = _printed(ImportanceReport((_table(row),), 40)).splitlines()

    header = next(line for line in lines if line.startswith("parameter"))
    assert header.split() == ["parameter", "fANOVA", "share", "[90%]", "chance"]
    assert "rank       0.500 [0.400, 0.600] 0.250" in lines


@pytest.mark.parametrize(("null", "shown"), [(0.1, True), (0.2, False), (None, True)])
def test_a_pair_is_shown_if_it_exceeds_the_null(null: float | None, *, shown: bool) -> None:
    """Of four parameters there are six pairs, most of them noise."""
    row = Importance("rank", 0.5, 0.4, 0.6, "fanova", 40, null=0.1)
    pair = Importance(
        "rank:alpha", 0.2, 0.1, 0.3, "fanova", 40, "interaction", ("rank", "alpha"), null
    )

    text = _printed(ImportanceReport((_table(row, pair),), 40))

    assert ("interaction of rank and alpha" in text) is shown


def test_every_pair_is_in_the_json() -> None:
    """Also those within the null."""
    table = study_table(
        Space({f"x{i}": Float(0.0, 1.0) for i in range(3)}), 30, lambda v: float(v["x0"])
    )

    [method, _] = importance_report(table, n_bootstrap=0, n_null=0).to_json()["methods"]

    pairs = [row["of"] for row in method["rows"] if row["role"] == "interaction"]
    assert sorted(pairs) == [("x0", "x1"), ("x0", "x2"), ("x1", "x2")]


def test_an_alarm_comes_before_the_shares() -> None:
    """So that it is read first."""
    report = ImportanceReport(
        (_table(Importance("rank", 0.5, 0.4, 0.6, "fanova", 40)),), 40, alarms=("They disagree.",)
    )

    text = _printed(report)

    assert text.index("ALARM: They disagree.") < text.index("rank")


def test_an_alarm_marks_a_first_parameter_within_the_null() -> None:
    """Each method with its question and its first parameter, marked if that is noise."""
    first = Importance("targets", 0.8, 0.7, 0.9, "fanova", 40, null=0.2)
    noise = Importance("rank", 0.5, 0.1, 0.9, "ped_anova", 40, null=0.6)
    tables = [
        ImportanceTable(row.method, (row,), 40, 40, 0.9, 100, 0) for row in (first, noise, first)
    ]

    [alarm] = disagreement(tables)

    assert (
        "fANOVA (how much of the objective's variance over the whole search space) puts targets "
        "first; PED-ANOVA (what separates the top 10 % from the trials this study happened to "
        "sample) puts rank first, which is no more than chance gives;"
    ) in alarm
    assert disagreement([tables[0], tables[2]]) == ()


def test_the_matrices_have_their_own_table() -> None:
    """Gains with sign and unit of the objective, and matrices that cannot be separated."""
    share = ModuleShare("query+value", 40, 0.7, 0.6, 0.8, 0.03, 0.02, 0.04)
    modules = ModuleReport("targets", (share,), 40, 5, False, 0.9, ("query and value are one.",))
    row = Importance("targets", 0.5, 0.4, 0.6, "fanova", 40)

    text = _printed(ImportanceReport((_table(row),), 40, modules=modules))

    assert "query+value        +0.0300 [+0.0200, +0.0400]  0.700 [0.600, 0.800]" in text
    assert "targets: query and value are one." in text


def test_notes_of_the_table_are_in_the_report() -> None:
    """Such as parameters left out of a foreign study."""
    report = ImportanceReport((_table(),), 40, notes=("y is left out.",))

    assert "y is left out." in _printed(report)
