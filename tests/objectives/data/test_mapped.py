"""Memory-mapped rows equal the rows that were written."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pytest

from objectives.data.chain import IGNORED
from objectives.data.prepare.cache import store_entry
from objectives.data.prepare.windows import RaggedColumn, ShiftedColumn, Windows, counted, joined

LENGTHS = [3, 0, 5, 1, 4, 2]


def written(rows: list[list[int]], chunks: int) -> datasets.Dataset:
    """Rows as a table of this many chunks."""
    size = -(-len(rows) // chunks)
    parts = [rows[first : first + size] for first in range(0, len(rows), size)]
    kind = pa.large_list(pa.int8())
    table = pa.concat_tables([pa.table({"x": pa.array(part, kind)}) for part in parts])
    return datasets.Dataset(table)


@pytest.fixture(params=[1, 3])
def both(request: pytest.FixtureRequest) -> tuple[list[list[int]], RaggedColumn]:
    """The same rows as lists and as a column."""
    rows = [list(range(10 * n, 10 * n + length)) for n, length in enumerate(LENGTHS)]
    rows[2][1] = IGNORED
    return rows, RaggedColumn.of_column(written(rows, request.param), "x")


def test_rows_are_read_as_written(both: tuple[list[list[int]], RaggedColumn]) -> None:
    """One by one, by slice, in any order, and as 64-bit numbers."""
    rows, column = both

    assert [row.tolist() for row in column] == rows
    assert {row.dtype for row in column} == {np.dtype(np.int64)}
    assert column.lengths.tolist() == LENGTHS
    assert [row.tolist() for row in column.select([4, 0, 4])] == [rows[4], rows[0], rows[4]]
    assert [row.tolist() for row in column.select([5, 2])[1:]] == [rows[2]]
    with pytest.raises(IndexError):
        column[len(rows)]


def test_numbers_are_counted_without_reading_rows(
    both: tuple[list[list[int]], RaggedColumn],
) -> None:
    """Also of rows selected from a column, and of rows in memory."""
    rows, column = both
    wanted = [sum(number != IGNORED for number in row) for row in rows]

    assert column.counted().tolist() == wanted
    assert column.select([2, 0]).counted().tolist() == [wanted[2], wanted[0]]
    assert counted([np.array(row) for row in rows]).tolist() == wanted


def test_rows_are_offset_and_joined(both: tuple[list[list[int]], RaggedColumn]) -> None:
    """Moved rows keep their length; joined ones come in blocks."""
    rows, column = both
    moved = ShiftedColumn(column.select([0, 2]), -1)

    assert [row.tolist() for row in moved] == [[*rows[0][1:], -1], [*rows[2][1:], -1]]
    assert [block.tolist() for block in joined(column, 4)] == [
        [number for row in some for number in row] for some in (rows[:4], rows[4:])
    ]


def test_opening_a_split_takes_no_memory_for_its_rows(tmp_path: Path) -> None:
    """Its numbers are those of the mapped file."""
    rows = np.ones(2_000_000, dtype=np.int8)
    offsets = pa.array(np.arange(0, len(rows) + 1, 500), pa.int64())
    column = pa.LargeListArray.from_arrays(offsets, pa.array(rows))
    names = ("input_ids", "labels", "ligands")
    table = datasets.Dataset(pa.table(dict.fromkeys(names, column)))
    split = store_entry(tmp_path / "entry", {"train": table}, {}).tables["train"]
    before = pa.total_allocated_bytes()

    windows = Windows.from_dataset(split).labelled()

    assert len(windows) == 4000
    assert pa.total_allocated_bytes() - before < len(rows) / 10
    assert not any(part.flags.owndata for part in RaggedColumn.of_column(split, "labels")._parts)
