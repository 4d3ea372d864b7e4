"""Data sets of the library ``datasets``: a folder of ``save_to_disk``, or a name on the Hub."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors, reason
from objectives.data.formats.class_names import ClassNames
from objectives.data.formats.row_splits import Placed, RowSplits
from objectives.data.formats.table_columns import (
    chains_of_rows,
    column_faults,
    is_read,
    label_column_of,
)
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.split_names import UNDERSTOOD, split_of
from objectives.data.splits import SPLITS, Splits
from sweep.errors import DataError, fault

if TYPE_CHECKING:
    from datasets import Dataset

_MARKS = ("dataset_dict.json", "state.json")  # of ``save_to_disk``: several splits, and one


@dataclass(frozen=True)
class TableSource:
    """Tables of the library ``datasets``, by split."""

    name: str  # the folder's or data set's name, for messages
    tables: Mapping[str, Dataset]  # split key, such as ``train``, to table
    content: str  # digest of the tables' content
    named: bool = True  # whether the keys name splits; False for a single table
    kind: LabelKind = BINDING  # of the labels

    passed_over: ClassVar[tuple[str, ...]] = ()  # every table is read, or is an error

    def digest(self) -> str:
        """Digest of the content."""
        return self.content

    def names(self) -> list[str]:
        """The keys of the tables, which are independent of the folder's name."""
        return list(self.tables)

    def read(self, problems: RecordErrors) -> Splits:
        """Read every row; errors are collected in ``problems``."""
        found = Placed(self.name, self.kind)
        for key, table in self.tables.items():
            chains = _chains(table, f"{self.name}, {key}", problems, self.kind)
            split = split_of(key) if self.named else ""
            found.add(chains, key, split or "train", problems, named=bool(split))
        return found.splits(problems)


def is_saved(folder: Path) -> bool:
    """Whether a folder was written by ``save_to_disk``."""
    return any((folder / mark).is_file() for mark in _MARKS)


def open_saved(folder: Path, kind: LabelKind = BINDING) -> TableSource:
    """Open a folder of ``save_to_disk``.

    Raises:
        DataError: if it cannot be read, or has no training split.
    """
    import datasets

    try:
        loaded = datasets.load_from_disk(folder)
        tables = _by_split(loaded, str(folder))
        content = hashlib.sha256()
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            content.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                content.update(hashlib.file_digest(file, "sha256").digest())
    except DataError:
        raise
    except Exception as error:  # a damaged folder can raise any exception in the library
        rule = "be a folder that datasets.load_from_disk reads"
        got = f"{type(error).__name__}: {reason(error)}"
        raise DataError(fault("data", rule, got, where=str(folder))) from error
    named = isinstance(loaded, Mapping)
    return TableSource(folder.name, tables, content.hexdigest(), named=named, kind=kind)


def open_hub(name: str, kind: LabelKind = BINDING) -> TableSource:
    """Open a data set of the Hub.

    Raises:
        DataError: if it does not exist, cannot be reached, or has no training split.
    """
    import datasets

    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:  # network, Hub and loading scripts can raise any exception
        rule = "be a path that exists, builtin:motifs, or a data set on the Hub"
        way_out = "Check the spelling and the connection"
        raise DataError(
            fault("data", rule, name, where=f"{type(error).__name__}: {error}", way_out=way_out)
        ) from error
    tables = _by_split(loaded, name)
    # datasets derives this fingerprint from the files' revision; there is no public attribute.
    prints = "\n".join(f"{split} {table._fingerprint}" for split, table in tables.items())  # noqa: SLF001
    content = hashlib.sha256(prints.encode()).hexdigest()
    return TableSource(name, tables, content, kind=kind)


def _by_split(loaded: Any, where: str) -> dict[str, Dataset]:
    """Tables by key, in the order of the splits; a single table is for training."""
    if not isinstance(loaded, Mapping):
        return {"train": loaded}
    splits = {key: split_of(key) for key in loaded}
    faults = []
    odd = [key for key, split in splits.items() if not split]
    if odd:
        rule = f"have keys that name one split each, in words that are understood ({UNDERSTOOD})"
        way_out = "Rename the keys, or leave these tables out"
        faults.append(fault("data", rule, ", ".join(odd), where=where, way_out=way_out))
    if "train" not in splits.values():
        rule = "have a split named 'train'"
        faults.append(fault("data", rule, ", ".join(loaded) or "no split", where=where))
    if faults:
        raise DataError(faults)
    return {key: loaded[key] for name in SPLITS for key in loaded if splits[key] == name}


def _chains(table: Dataset, where: str, problems: RecordErrors, kind: LabelKind) -> list[Chain]:
    """The chains of one table."""
    columns = {column: column.strip().lower() for column in table.column_names}
    faults = column_faults(columns.values(), where, kind)
    if faults:
        problems.files.extend(faults)
        return []
    # Decode only the needed columns: the table may also hold large embeddings.
    known = table.select_columns([name for name in columns if is_read(columns[name], kind)])
    known = known.with_format(None)  # a saved table may ask for tensors
    label_column = label_column_of(columns.values(), kind)
    classes = ClassNames(known.features.to_dict(), label_column, kind)
    faults = classes.faults(where)
    if faults:
        problems.files.extend(faults)
        return []
    splits = RowSplits()

    def rows() -> Iterator[tuple[str, Mapping[str, Any]]]:
        for number, row in enumerate(known, start=1):
            named = classes.named({columns[key]: cell for key, cell in row.items()})
            yield f"{where}, row {number}", named

    try:
        chains = chains_of_rows(splits.watch(rows()), label_column, problems, kind)
    except (OSError, ValueError) as error:  # raised by Arrow for damaged bytes
        problems.files.append(fault("table", "be readable", reason(error), where=where))
        return []
    return splits.place(chains, problems)
