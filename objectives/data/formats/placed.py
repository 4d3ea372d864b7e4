"""Collect chains by split; the split is named by the file, the table or the record."""

from __future__ import annotations

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors, printable
from objectives.data.splits import SPLITS, Splits, drop_contradictions
from sweep.errors import fault


class Placed:
    """The chains of a source by split, added file by file.

    Args:
        source: its name in messages.
    """

    def __init__(self, source: str) -> None:
        self._source = source
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
                problems.add_file(fault("row", rule, own, where=chain.source, way_out=way_out))
                return
            placed.setdefault(own, []).append(chain)
        for own, part in (placed or {split: []}).items():
            self._found.setdefault(own, []).extend(part)
            problems.read.setdefault(own, {})[file] = len(part)

    def splits(self, problems: RecordErrors) -> Splits:
        """All added chains by split, without records that contradict earlier ones."""
        splits = {
            name: drop_contradictions(self._found[name], problems)
            for name in SPLITS
            if name in self._found
        }
        if not (splits.get("train") or problems.files) and any(splits.values()):
            got = ", ".join(f"{len(each)} of {name}" for name, each in splits.items() if each)
            where = printable(self._source)
            problems.add_file(fault("data", "hold chains that train", got, where=where))
        return Splits(**{"train": [], **splits})
