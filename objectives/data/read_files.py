"""A file, or a folder of files: which of them belong to which split, and their chains."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from objectives.data.chain import Chain
from objectives.data.merge import drop_contradictions
from objectives.data.open_file import format_of, stem_of
from objectives.data.problems import Problems
from objectives.data.read_fasta_labels import SUFFIXES as FASTA
from objectives.data.read_fasta_labels import read_fasta_labels
from objectives.data.read_table import PICKLED, READERS, read_table
from objectives.data.read_text import read_text
from objectives.data.shown import printable, reason
from objectives.data.split import SPLITS, Splits
from sweep.errors import DataError, fault

TABLES = (".txt", *READERS)
SUFFIXES = (*TABLES, *FASTA)
_ARRAYS = (".pt", ".pth", ".npy", ".npz")
"""Formats in which people keep data, none of which says what its numbers are."""


@dataclass(frozen=True)
class FileSource:
    """Files on disk, by split.

    Attributes:
        root: the file or folder that the user named.
        files: split name to files, in name order.
    """

    root: Path
    files: Mapping[str, tuple[Path, ...]]

    def digest(self) -> str:
        """Digest of every file's bytes, and of the names that say split and ligand.

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
                    raise DataError(_unreadable(path, error)) from error
                name = os.fsencode(path.name)
                total.update(b"\n".join([split.encode(), name, content.encode(), b""]))
        return total.hexdigest()

    def read(self, problems: Problems) -> Splits:
        """Read every file; bad records go to ``problems``."""
        splits = {}
        for split, paths in self.files.items():
            chains = []
            for path in paths:
                chains += _reader(path)(path, self._name(path), problems)
            splits[split] = drop_contradictions(chains, problems)
        return Splits(**splits)

    def _name(self, path: Path) -> str:
        """The file as messages call it: the same wherever the folder lies."""
        name = path.name if path == self.root else path.relative_to(self.root).as_posix()
        return printable(name)


def _reader(path: Path) -> Callable[[Path, str, Problems], list[Chain]]:
    suffix = format_of(path)
    if suffix in FASTA:
        return read_fasta_labels
    return read_text if suffix == ".txt" else read_table


def find_files(root: Path, *, allow_pickle: bool = False) -> FileSource:
    """Sort the files under a path into splits.

    Subfolders named after a split hold its files. Without such folders, a file named
    after a split (``test.csv``) is of that split, and every other file trains. FASTA is read
    where there is nothing else: beside tables it has been the sequences without labels.

    Args:
        root: a file, or a folder.
        allow_pickle: read pickled tables too.

    Raises:
        DataError: if nothing readable is there, nothing trains, or a file that looks like
            data cannot be read.
    """
    try:
        if root.is_dir():
            files = _by_split(root, allow_pickle=allow_pickle)
        else:
            faults = _faults(root, allow_pickle=allow_pickle)
            if not root.exists():  # a link
                rule = "be a path that exists"
                where = f"a link to {printable(str(root.readlink()))}, which is not there"
                faults = [fault("data", rule, printable(str(root)), where=where)]
            if not faults and not _reads(root, allow_pickle=allow_pickle):
                rule = f"have one of the suffixes {', '.join(SUFFIXES)}"
                faults = [fault("data", rule, printable(root.name), where=printable(str(root)))]
            if faults:
                raise DataError(faults)
            files = {"train": (root,)}
    except OSError as error:
        raise DataError(_unreadable(root, error)) from error
    return FileSource(root, files)


def _by_split(root: Path, *, allow_pickle: bool) -> dict[str, tuple[Path, ...]]:
    """The files of a folder by split.

    Raises:
        DataError: with every file that cannot be read, or if nothing trains.
    """
    folders = {name: root / name for name in SPLITS if (root / name).is_dir()}
    entries = {name: _entries(folder) for name, folder in (folders or {"": root}).items()}
    faults = [
        text
        for paths in entries.values()
        for path in paths
        for text in _faults(path, allow_pickle=allow_pickle)
    ]
    if faults:
        raise DataError(faults)
    files: dict[str, tuple[Path, ...]] = dict.fromkeys(SPLITS, ())
    tables = any(
        _reads(path, allow_pickle=allow_pickle) and format_of(path) not in FASTA
        for paths in entries.values()
        for path in paths
    )
    for name, paths in entries.items():
        for path in paths:
            beside = tables and format_of(path) in FASTA
            if _reads(path, allow_pickle=allow_pickle) and not beside:
                files[name or (stem_of(path) if stem_of(path) in SPLITS else "train")] += (path,)
    if not files["train"]:
        found = ", ".join(sorted(path.name for path in root.iterdir())[:20]) or "an empty folder"
        rule = f"hold files to train on (train/*, train.*, or any of *{', *'.join(SUFFIXES)})"
        raise DataError(fault("data", rule, printable(found), where=printable(str(root))))
    return {name: paths for name, paths in files.items() if paths}


def _entries(folder: Path) -> list[Path]:
    """What lies in a folder and may be data, in name order."""
    return sorted(
        path for path in folder.iterdir() if not path.name.startswith((".", "README", "LICENSE"))
    )


def _reads(path: Path, *, allow_pickle: bool) -> bool:
    """Whether the suffix says that a file can be read."""
    suffix = format_of(path)
    return suffix in SUFFIXES or (allow_pickle and suffix in PICKLED)


def _faults(path: Path, *, allow_pickle: bool) -> list[str]:
    """Why a file that looks like data is not read; passing over it would lose it in silence."""
    suffix, name, where = format_of(path), printable(path.name), printable(str(path.parent))
    if suffix in _ARRAYS:
        rule = f"be in a format that is read ({', '.join(SUFFIXES)})"
        way_out = "Write its chains as one of these, or move it elsewhere"
        return [fault("data", rule, name, where=where, way_out=way_out)]
    if suffix in PICKLED and not allow_pickle:
        rule = "not be pickled, because a pickle can run any code when it is read"
        way_out = (
            "Save it as Parquet or CSV, or give --allow-pickle if you trust where it came from"
        )
        return [fault("data", rule, name, where=where, way_out=way_out)]
    if not path.is_file() and suffix in (*TABLES, *PICKLED):
        rule = "be a file"
        got = "a folder" if path.is_dir() else "a link to nothing"
        if path.exists() and not path.is_dir():
            got = "a device or a pipe"
        return [fault(name, rule, got, where=where, way_out="Rename or remove it")]
    return []


def _unreadable(path: Path, error: OSError) -> str:
    """A file or folder that the system does not let us read, in words."""
    return fault("data", "be readable", reason(error), where=printable(str(path)))
