"""Reader of pickled tables; only on request, because unpickling can run any code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from objectives.data.errors import RecordErrors

Rows = Iterable[tuple[str, Mapping[str, Any]]]


def read_pickle(path: Path, name: str, problems: RecordErrors) -> tuple[list[str], Rows]:
    """Read a pickled pandas DataFrame, list of dicts or dict of columns.

    Args:
        path: a file from a trusted source.
        name: its name in messages.
        problems: unused; an argument of every reader.

    Returns:
        Column names in lower case, and for each row its location and its cells.

    Raises:
        ValueError: if it cannot be unpickled, or contains something else.
    """
    del problems
    import pandas as pd  # type: ignore[import-untyped]

    try:
        table = pd.read_pickle(path)  # noqa: S301  # only with --allow-pickle
        if not isinstance(table, pd.DataFrame):
            table = pd.DataFrame(_tabular(table))
        labels = [str(column).strip().lower() for column in table.columns]
        cells = [[_plain(cell) for cell in table.iloc[:, at]] for at in range(len(labels))]
    except Exception as error:  # unpickling runs foreign code, which can raise anything
        raise ValueError(f"{type(error).__name__}: {error}") from error
    rows = zip(*cells, strict=True)
    return labels, [
        (f"{name}, row {number}", dict(zip(labels, row, strict=True)))
        for number, row in enumerate(rows, start=1)
    ]


def _tabular(value: object) -> list[Any] | dict[Any, Any]:
    """The value in a form of which pandas makes a table.

    Raises:
        TypeError: if it is neither a dict nor a list of dicts.
    """
    if isinstance(value, dict):
        # As lists: pandas would repeat a single string in all rows, and align Series by index.
        return {key: list(column) for key, column in value.items()}
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    kinds = "a DataFrame, a list of dicts or a dict of columns"
    raise TypeError(f"{kinds} can be read, and this is a {type(value).__name__}")


def _plain(cell: Any) -> Any:
    """A cell without NumPy or pandas types; None for a missing value of pandas."""
    import pandas as pd

    if hasattr(cell, "tolist"):  # an array, a series or a NumPy number
        cell = cell.tolist()
    if isinstance(cell, (list, tuple)):
        return [item.tolist() if hasattr(item, "tolist") else item for item in cell]
    return None if pd.api.types.is_scalar(cell) and pd.isna(cell) else cell
