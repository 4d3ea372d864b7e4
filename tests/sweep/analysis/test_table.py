"""The analysis table built from trials."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweep.analysis.table import Dropped, Row, TrialTable
from sweep.errors import StorageError
from sweep.study.parameters import Choice, Float, TargetSets
from sweep.study.space import Space

SPACE = Space({"rank": Choice(1, 2, 4), "alpha": Choice(2, 4), "targets": TargetSets("qkv", "mlp")})
QKV, MLP = "key+query+value", "mlp.down+mlp.up"


def _row(number: int, value: float, **changes: object) -> Row:
    return Row(number, {"rank": 2, "alpha": 4, "targets": QKV, **changes}, value)


def test_rows_come_in_order_of_number() -> None:
    """The database may list trials in any order."""
    table = TrialTable.from_rows([_row(2, 0.3), _row(0, 0.1), _row(1, 0.2)], space=SPACE)

    assert [row.number for row in table.rows] == [0, 1, 2]
    assert table.y.tolist() == [0.1, 0.2, 0.3]


def test_a_minimised_objective_is_negated() -> None:
    """In the analysis higher is better; the record keeps the measured value."""
    table = TrialTable.from_rows([_row(0, 0.5)], space=SPACE, direction="minimize")

    assert table.y.tolist() == [-0.5]
    assert table.rows[0].value == 0.5


@pytest.mark.parametrize(
    ("row", "dropped"),
    [
        (_row(3, math.nan), Dropped(3, "its value is nan", no_value=True)),
        (_row(3, -math.inf), Dropped(3, "its value is -inf", no_value=True)),
        (Row(3, {"rank": 2, "targets": QKV}, 0.1), Dropped(3, "it has no alpha")),
        (_row(3, 0.1, rank=64), Dropped(3, "rank=64 lies outside the search space")),
    ],
)
def test_an_unusable_trial_is_dropped_with_its_reason(row: Row, dropped: Dropped) -> None:
    """Nothing is dropped silently, and nothing unusable is in the arrays."""
    table = TrialTable.from_rows([_row(0, 0.1), row], space=SPACE)

    assert table.dropped == (dropped,)
    assert [kept.number for kept in table.rows] == [0]
    assert table.counts == {"COMPLETE": 2}


def test_given_counts_are_kept() -> None:
    """Failed and pruned trials are only known to the storage."""
    counts = {"COMPLETE": 1, "FAIL": 2, "PRUNED": 3}

    assert TrialTable.from_rows([_row(0, 0.1)], space=SPACE, counts=counts).counts == counts


def test_columns_are_numbers_or_names() -> None:
    """Numeric parameters are floats, target sets their canonical strings."""
    table = TrialTable.from_rows([_row(0, 0.1), _row(1, 0.2, rank=4, targets=MLP)], space=SPACE)

    assert table.names == ("rank", "alpha", "targets")
    assert table.column("rank").dtype == np.float64
    assert table.column("rank").tolist() == [2.0, 4.0]
    assert table.column("targets").tolist() == [QKV, MLP]


def test_an_unknown_column_is_refused_with_the_known_ones() -> None:
    """So that a typing error is easy to see."""
    table = TrialTable.from_rows([_row(0, 0.1)], space=SPACE)

    with pytest.raises(StorageError, match=r"one of \['rank', 'alpha', 'targets'\], got 'ranks'"):
        table.column("ranks")


def test_replicates_are_one_configuration() -> None:
    """Rows that differ only in seed must be resampled together."""
    rows = [_row(0, 0.1), _row(1, 0.2, rank=4), Row(2, _row(0, 0).values, 0.3, seed=9, replicate=1)]

    assert TrialTable.from_rows(rows, space=SPACE).configurations.tolist() == [0, 1, 0]


def test_a_derived_column_is_added_to_the_sampled_ones() -> None:
    """The scaling alpha/rank is no parameter, but a column like any other."""
    table = TrialTable.from_rows([_row(0, 0.1), _row(1, 0.2, rank=4)], space=SPACE)

    wide = table.with_derived("scaling", lambda v: float(v["alpha"]) / float(v["rank"]))

    assert wide.names == ("rank", "alpha", "targets", "scaling")
    assert wide.column("scaling").tolist() == [2.0, 1.0]
    assert wide.configurations.tolist() == table.configurations.tolist()
    assert table.names == ("rank", "alpha", "targets")


def test_a_derived_column_never_hides_another() -> None:
    """A name is unique."""
    table = TrialTable.from_rows([_row(0, 0.1)], space=SPACE)

    with pytest.raises(StorageError, match="a name not in use, got 'rank'"):
        table.with_derived("rank", lambda _: 0.0)


@given(st.lists(st.floats(), max_size=8))
@settings(deadline=None)
def test_every_trial_is_a_row_or_dropped(values: list[float]) -> None:
    """No trial is lost or counted twice, and the arrays are finite."""
    rows = [Row(i, {"x": 0.5}, value) for i, value in enumerate(values)]

    table = TrialTable.from_rows(rows, space=Space({"x": Float(0.0, 1.0)}))

    numbers = [row.number for row in table.rows] + [each.number for each in table.dropped]
    assert sorted(numbers) == list(range(len(values)))
    assert np.isfinite(table.y).all()


def test_an_empty_table_has_empty_arrays() -> None:
    """A study without a complete trial is a valid table."""
    table = TrialTable.from_rows([], space=SPACE)

    assert len(table) == 0
    assert table.y.shape == (0,)
    assert table.configurations.shape == (0,)
