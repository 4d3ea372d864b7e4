"""A data source of files on disk, sorted by split."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from objectives.data.chain import Chain
from objectives.data.errors import RecordErrors, reason
from objectives.data.formats.fasta_labels import SUFFIXES as FASTA
from objectives.data.formats.fasta_labels import read_fasta_labels
from objectives.data.formats.fasta_targets import read_fasta_targets
from objectives.data.formats.open_file import format_of
from objectives.data.formats.row_splits import Placed
from objectives.data.formats.table import READERS, read_table
from objectives.data.formats.text import read_text
from objectives.data.labels.binding_sites import BINDING, BindingSites
from objectives.data.labels.kind import LabelKind
from objectives.data.splits import Splits
from sweep.errors import DataError, fault
from sweep.terminal.printable import printable

TABLES = (".txt", *READERS)
SUFFIXES = (*TABLES, *FASTA)


@dataclass(frozen=True)
class FileSource:
    """Files on disk, by split."""

    root: Path  # the file or folder that the user named
    files: Mapping[str, tuple[Path, ...]]  # split name to files, in name order
    named: frozenset[Path] = frozenset()  # the files whose own name or folder names their split
    loose: frozenset[Path] = frozenset()  # in subfolders, naming no split; skipped without chains
    passed_over: tuple[str, ...] = ()  # files that are not read, with the reason
    notes: tuple[str, ...] = ()  # remarks for the user that are no errors
    kind: LabelKind = BINDING  # of the labels

    def digest(self) -> str:
        """SHA-256 over every file's split, name and content.

        Raises:
            DataError: if a file cannot be read.
        """
        total = hashlib.sha256()
        for split, paths in self.files.items():
            for path in paths:
                try:
                    with path.open("rb") as file:
                        content = hashlib.file_digest(file, "sha256").hexdigest()
                except OSError as error:
                    raise DataError(unreadable(path, error)) from error
                name = os.fsencode(path.name)
                total.update(b"\n".join([split.encode(), name, content.encode(), b""]))
        return total.hexdigest()

    def names(self) -> list[str]:
        """Split and name below the root of each file that is read."""
        return [
            f"{split} {self._name(path)}" for split, each in self.files.items() for path in each
        ]

    def read(self, problems: RecordErrors) -> Splits:
        """Read every file; errors are collected in ``problems``."""
        problems.notes.extend(self.notes)
        found = Placed(str(self.root), self.kind)
        for split, paths in self.files.items():
            for path in paths:
                name, read = self._name(path), _reader(path, self.kind)
                if path in self.loose and not read(path, name, RecordErrors(), self.kind):
                    note = f"{name} is passed over, because no chains can be read from it"
                    problems.notes.append(note)
                    continue
                chains = read(path, name, problems, self.kind)
                found.add(chains, name, split, problems, named=path in self.named)
        return found.splits(problems)

    def _name(self, path: Path) -> str:
        """The file's name in messages, relative to the root and so the same on every machine."""
        name = path.name if path == self.root else path.relative_to(self.root).as_posix()
        return printable(name)


Reader = Callable[[Path, str, RecordErrors, LabelKind], list[Chain]]


def _reader(path: Path, kind: LabelKind) -> Reader:
    suffix = format_of(path)
    if suffix in FASTA:
        return read_fasta_labels if isinstance(kind, BindingSites) else read_fasta_targets
    return read_text if suffix == ".txt" else read_table


def unreadable(path: Path, error: OSError) -> str:
    """The error for a file or folder that the operating system does not let us read."""
    return fault("data", "be readable", reason(error), where=printable(str(path)))
