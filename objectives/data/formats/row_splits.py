"""The split of a record: by its row's columns or its FASTA header, else by its file.

Columns such as ``set``, ``split`` and ``partition`` name a split in each row; columns such as
``validation`` and ``is_test`` are true or false. Both can be combined: in FLIP's tables a row
with set ``train`` and ``validation`` true is for validation. Any other value is an error, because
otherwise a row of an unknown split would be used for training.

Source: Dallago et al. 2021, "FLIP: Benchmark tasks in fitness landscape inference for proteins".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors, listed, shown
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.split_names import UNDERSTOOD, hint_in, split_of, splits_in
from objectives.data.splits import SPLITS, Splits, drop_contradictions
from sweep.errors import fault
from sweep.terminal.printable import printable

Rows = Iterable[tuple[str, Mapping[str, Any]]]

_NAMED = {"split", "splits", "partition", "fold", "folds", "cv"}
_MAYBE = {"set", "subset", "dataset", "stage", "phase", "usage", "purpose", "role"}
"""Column names that often mean something else; used only if some value names a split."""

_AROUND = {"is", "in", "for", "use", "set", "split", "data", "flag"}
_TRUE = {"true", "t", "yes", "y", "1", "1.0", "x"}
_FALSE = {"false", "f", "no", "n", "0", "0.0", ""}
_BLANK = {"", "nan", "none", "null", "na"}


@functools.cache
def kind_of_column(name: str) -> str:
    """How a column gives the split, by its name.

    Returns:
        ``names`` if its values name splits; ``may name`` if that depends on the values;
        a split's name if its values are true or false for it; empty for any other column.
    """
    words = re.findall(r"[^\W_]+", name.lower())
    splits = splits_in(name)
    if len(splits) == 1 and len([word for word in words if word not in _AROUND]) == 1:
        return splits[0]
    if name == "set" or len(splits) > 1 or _NAMED & set(words) or hint_in(name):
        return "names"
    return "may name" if _MAYBE & set(words) else ""


class RowSplits:
    """Collects the split columns of one file or table and sets the splits of its chains."""

    def __init__(self) -> None:
        self._cells: dict[str, dict[str, str]] = {}
        """Column name to the text of its cell by row."""
        self._rows: list[str] = []

    def watch(self, rows: Rows) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the rows unchanged, and record the split columns of each."""
        for where, row in rows:
            self.note(where, row)
            yield where, row

    def note(self, where: str, row: Mapping[str, Any]) -> None:
        """Record the split columns of one row."""
        self._rows.append(where)
        for column, cell in row.items():
            if kind_of_column(column):
                text = "" if cell is None else str(shown(cell)).strip()
                self._cells.setdefault(column, {})[where] = text

    def place(self, chains: list[Chain], problems: RecordErrors) -> list[Chain]:
        """Set each chain's split from its row.

        Returns:
            The chains; empty if a split was not understood, which is added to ``problems``.
        """
        columns = {column: self._kind(column) for column in self._cells}
        columns = {column: kind for column, kind in columns.items() if kind}
        if not columns:
            return chains
        faults = [text for each in columns.items() for text in self._faults(*each)]
        if faults:
            problems.files.extend(faults)
            return []
        splits = {where: self._split(where, columns) for where in self._rows}
        odd = [where for where in self._rows if splits[where] is None]
        if odd:
            cells = {column: self._cells[column].get(odd[0], "") for column in columns}
            got = ", ".join(f"{column} {cell!r}" for column, cell in cells.items())
            rule = f"name one split in each row (not in {len(odd)} of {len(self._rows)})"
            way_out = "Keep one column of splits"
            problems.files.append(fault("columns", rule, got, where=odd[0], way_out=way_out))
            return []
        return [replace(chain, split=splits[chain.source] or "") for chain in chains]

    def _kind(self, column: str) -> str:
        """The kind of a column, given its values; empty if it does not give splits."""
        kind, cells = kind_of_column(column), self._cells[column]
        filled = {cell for cell in cells.values() if cell.lower() not in _BLANK}
        if not filled:
            return ""
        if kind == "may name":
            return "names" if any(splits_in(cell) for cell in filled) else ""
        return kind

    def _faults(self, column: str, kind: str) -> list[str]:
        """The error for values that are not understood, with the first such row."""
        cells = {where: self._cells[column].get(where, "") for where in self._rows}
        if kind == "names":
            odd = {where: cell for where, cell in cells.items() if not split_of(cell)}
            rule = f"name a split in each row ({UNDERSTOOD})"
        else:
            odd = {w: c for w, c in cells.items() if c.lower() not in _TRUE | _FALSE | _BLANK}
            rule = "be true or false in each row, as it is named after a split"
        if not odd:
            return []
        got = listed(map(repr, dict.fromkeys(odd.values())))
        way_out = "Rename these values, or rename or drop the column if it names no split"
        name, where = f"column '{column}'", next(iter(odd))
        return [fault(name, rule, shown(got), where=where, way_out=way_out)]

    def _split(self, where: str, columns: Mapping[str, str]) -> str | None:
        """The split of one row; None if its columns contradict each other."""
        cells = {column: self._cells[column].get(where, "") for column in columns}
        named = {split_of(cells[column]) for column, kind in columns.items() if kind == "names"}
        flags = {kind: cells[c].lower() in _TRUE for c, kind in columns.items() if kind != "names"}
        said = named | {split for split, is_true in flags.items() if is_true}
        if said == {"train", "validation"} and named <= {"train"}:
            return "validation"
        if said == {"train"} and not flags.get("train", True):
            return None
        if not said:
            return None if "train" in flags else "train"
        return said.pop() if len(said) == 1 else None


class Placed:
    """The chains of a source by split, added file by file.

    Args:
        source: its name in messages.
        kind: of the labels.
    """

    def __init__(self, source: str, kind: LabelKind = BINDING) -> None:
        self._source = source
        self._kind = kind
        self._found: dict[str, list[Chain]] = {}

    def add(
        self, chains: list[Chain], file: str, split: str, problems: RecordErrors, *, named: bool
    ) -> None:
        """Add the chains of one file or table.

        A record that names a split belongs to it. A file named after train may contain records
        for validation; any other contradiction to the file's name is an error.

        Args:
            chains: of the file.
            file: its name below the source.
            split: of the file.
            problems: collects the error, and the counts by split and file.
            named: whether the file names its split.
        """
        placed: dict[str, list[Chain]] = {}
        for chain in chains:
            own = chain.split or split
            if named and own != split and (split, own) != ("train", "validation"):
                rule = f"be of the split that its file names, {split}"
                way_out = "Correct the column, or rename the file"
                problems.files.append(fault("row", rule, own, where=chain.source, way_out=way_out))
                return
            placed.setdefault(own, []).append(chain)
        for own, part in (placed or {split: []}).items():
            self._found.setdefault(own, []).extend(part)
            problems.read.setdefault(own, {})[file] = len(part)

    def splits(self, problems: RecordErrors) -> Splits:
        """All added chains by split, without records that contradict earlier ones."""
        splits = {
            name: drop_contradictions(self._found[name], problems)
            if self._kind.contradicts
            else self._found[name]
            for name in SPLITS
            if name in self._found
        }
        if not (splits.get("train") or problems.files) and any(splits.values()):
            got = ", ".join(f"{len(each)} of {name}" for name, each in splits.items() if each)
            where = printable(self._source)
            problems.files.append(fault("data", "hold chains that train", got, where=where))
        return Splits(**{"train": [], **splits})
