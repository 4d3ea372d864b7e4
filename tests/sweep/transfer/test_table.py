"""Columns of a kind in which nothing changes."""

import pytest

from sweep.transfer.records import Table


@pytest.mark.parametrize(
    ("values", "kind", "cells"),
    [
        ([1, None, -(2**63)], "int", [1, None, -(2**63)]),
        ([2**63, 1], "json", ["9223372036854775808", "1"]),
        ([1, 0.5], "float", [1.0, 0.5]),
        ([2**53 + 1, 0.5], "json", ["9007199254740993", "0.5"]),
        ([True, False], "bool", [True, False]),
        ([True, 1], "json", ["true", "1"]),
        (["a", ""], "text", ["a", ""]),
        (["a", 1], "json", ['"a"', "1"]),
        (["half \ud800"], "json", ['"half \\ud800"']),
        ([None, None], "text", [None, None]),
    ],
)
def test_a_column_takes_the_plainest_kind_that_loses_nothing(
    values: list[object], kind: str, cells: list[object]
) -> None:
    """A number beside a text, or one too long for 64 bits, is written as JSON."""
    table = Table.of([{"params.x": value} for value in values])

    assert table.columns["params.x"] == kind
    assert [repr(row["params.x"]) for row in table.rows] == [repr(cell) for cell in cells]


def test_every_row_has_every_column() -> None:
    """Whether its trial had that parameter or not."""
    table = Table.of([{"params.a": 1}, {"params.b": 2, "metrics.c": 3.0}])

    assert [list(row) for row in table.rows] == [list(table.columns)] * 2
    assert table.rows[0]["params.b"] is None


def test_a_study_without_trials_has_the_columns_that_all_have() -> None:
    """Whoever reads many exports need not treat it apart."""
    table = Table.of([])

    assert not table.rows
    assert {"number", "state", "value", "seconds", "params", "user_attrs"} <= set(table.columns)
