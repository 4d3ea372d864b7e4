"""Data sets of the ``datasets`` library: a folder of ``save_to_disk``, or a name on the Hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from objectives.data.chain import Chain
from objectives.data.columns import LABEL_COLUMNS, READ_COLUMNS, chains_of_rows, column_faults
from objectives.data.merge import drop_contradictions
from objectives.data.problems import Problems
from objectives.data.shown import reason
from objectives.data.split import SPLITS, Splits
from sweep.errors import DataError, fault

if TYPE_CHECKING:
    from datasets import Dataset

_MARKS = ("dataset_dict.json", "state.json")
"""What ``save_to_disk`` leaves in a folder of several splits, and of one."""


@dataclass(frozen=True)
class TableSource:
    """Tables of the ``datasets`` library, by split.

    Attributes:
        name: the folder's or data set's name, for messages.
        tables: split name to table.
        content: digest of what the tables hold.
    """

    name: str
    tables: Mapping[str, Dataset]
    content: str

    def digest(self) -> str:
        """Digest of the content."""
        return self.content

    def read(self, problems: Problems) -> Splits:
        """Read every row; bad rows go to ``problems``."""
        splits = {}
        for split, table in self.tables.items():
            chains = _chains(table, f"{self.name}, {split}", problems)
            splits[split] = drop_contradictions(chains, problems)
        return Splits(**splits)


def is_saved(folder: Path) -> bool:
    """Whether a folder was written by ``save_to_disk``."""
    return any((folder / mark).is_file() for mark in _MARKS)


def open_saved(folder: Path) -> TableSource:
    """Open a folder of ``save_to_disk``.

    Raises:
        DataError: if it cannot be read, or has no training split.
    """
    import datasets

    try:
        tables = _by_split(datasets.load_from_disk(folder), str(folder))
        content = hashlib.sha256()
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                content.update(hashlib.file_digest(file, "sha256").digest())
    except DataError:
        raise
    except Exception as error:  # whatever a damaged folder makes the library throw
        rule = "be a folder that datasets.load_from_disk reads"
        got = f"{type(error).__name__}: {reason(error)}"
        raise DataError(fault("data", rule, got, where=str(folder))) from error
    return TableSource(folder.name, tables, content.hexdigest())


def open_hub(name: str) -> TableSource:
    """Open a data set of the Hub.

    Raises:
        DataError: if it is not there, cannot be reached, or has no training split.
    """
    import datasets

    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:  # whatever the network, the Hub or a loading script throws
        rule = "be a path that exists, builtin:motifs, or a data set on the Hub"
        way_out = "Check the spelling and the connection"
        raise DataError(
            fault("data", rule, name, where=f"{type(error).__name__}: {error}", way_out=way_out)
        ) from error
    tables = _by_split(loaded, name)
    # datasets derives fingerprints from the files' revision; its public names have no such thing.
    prints = "\n".join(f"{split} {table._fingerprint}" for split, table in tables.items())  # noqa: SLF001
    return TableSource(name, tables, hashlib.sha256(prints.encode()).hexdigest())


def _by_split(loaded: Any, where: str) -> dict[str, Dataset]:
    """Tables by split name; a lone table trains."""
    if not isinstance(loaded, Mapping):
        return {"train": loaded}
    if "train" not in loaded:
        rule = "have a split named 'train'"
        raise DataError(fault("data", rule, ", ".join(loaded) or "no split", where=where))
    return {split: loaded[split] for split in SPLITS if split in loaded}


def _chains(table: Dataset, where: str, problems: Problems) -> list[Chain]:
    """The chains of one table."""
    columns = {column: column.strip().lower() for column in table.column_names}
    faults = column_faults(columns.values(), where)
    if faults:
        for text in faults:
            problems.add_file(text)
        return []
    # Only what is needed is decoded: embeddings may stand beside it.
    known = table.select_columns([name for name in columns if columns[name] in READ_COLUMNS])
    known = known.with_format(None)  # a saved table may ask for tensors
    label_column = next(name for name in LABEL_COLUMNS if name in columns.values())

    def rows() -> Iterator[tuple[str, Mapping[str, Any]]]:
        for number, row in enumerate(known, start=1):
            yield f"{where}, row {number}", {columns[key]: cell for key, cell in row.items()}

    try:
        return chains_of_rows(rows(), label_column, problems)
    except (OSError, ValueError) as error:  # what Arrow throws over damaged bytes
        problems.add_file(fault("table", "be readable", reason(error), where=where))
        return []
