"""Column types of exported tables, which lose no information."""

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
def test_a_column_has_the_simplest_lossless_type(
    values: list[object], kind: str, cells: list[object]
) -> None:
    """A mix of numbers and texts, or integers beyond 64 bits, is written as JSON."""
    table = Table.of([{"params.x": value} for value in values])

    assert table.columns["params.x"] == kind
    assert [repr(row["params.x"]) for row in table.rows] == [repr(cell) for cell in cells]


def test_every_row_has_every_column() -> None:
    """Whether its trial has that parameter or not."""
    table = Table.of([{"params.a": 1}, {"params.b": 2, "metrics.c": 3.0}])

    assert [list(row) for row in table.rows] == [list(table.columns)] * 2
    assert table.rows[0]["params.b"] is None


def test_a_study_without_trials_has_the_common_columns() -> None:
    """So that scripts need not treat it separately."""
    table = Table.of([])

    assert not table.rows
    assert {"number", "state", "value", "seconds", "params", "user_attrs"} <= set(table.columns)
