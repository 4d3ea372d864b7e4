"""Pickled tables, for those who allow them: unpickling runs whatever code a file holds."""

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
        name: what to call it in messages.
        problems: takes nothing here; as for every reader.

    Returns:
        Column names in lower case, and the rows.

    Raises:
        ValueError: if it cannot be unpickled, or holds something else.
    """
    del problems
    import pandas as pd  # type: ignore[import-untyped]

    try:
        table = pd.read_pickle(path)  # noqa: S301  # only with --allow-pickle
        if not isinstance(table, pd.DataFrame):
            table = pd.DataFrame(_tabular(table))
        labels = [str(column).strip().lower() for column in table.columns]
        cells = [[_plain(cell) for cell in table.iloc[:, at]] for at in range(len(labels))]
    except Exception as error:  # whatever the pickled code throws
        raise ValueError(f"{type(error).__name__}: {error}") from error
    rows = zip(*cells, strict=True)
    return labels, [
        (f"{name}, row {number}", dict(zip(labels, row, strict=True)))
        for number, row in enumerate(rows, start=1)
    ]


def _tabular(value: object) -> list[Any] | dict[Any, Any]:
    """The value, if a table can be made of it.

    Raises:
        TypeError: if not.
    """
    if isinstance(value, dict):
        # As lists: pandas would spread a lone string, and align columns that are Series.
        return {key: list(column) for key, column in value.items()}
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    kinds = "a DataFrame, a list of dicts or a dict of columns"
    raise TypeError(f"{kinds} can be read, and this is a {type(value).__name__}")


def _plain(cell: Any) -> Any:
    """A cell without NumPy or pandas types; None for what pandas holds to be missing."""
    import pandas as pd

    if hasattr(cell, "tolist"):  # an array, a series or a NumPy number
        cell = cell.tolist()
    if isinstance(cell, (list, tuple)):
        return [item.tolist() if hasattr(item, "tolist") else item for item in cell]
    return None if pd.api.types.is_scalar(cell) and pd.isna(cell) else cell
