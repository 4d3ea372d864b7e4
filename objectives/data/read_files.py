"""A file, or a folder of files: which of them belong to which split, and their chains."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from objectives.data.merge import drop_contradictions
from objectives.data.problems import Problems
from objectives.data.read_table import READERS, read_table
from objectives.data.read_text import read_text
from objectives.data.split import SPLITS, Splits
from sweep.errors import DataError, fault

SUFFIXES = (".txt", *READERS)


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
        """Digest of every file's bytes, and of the names that say split and ligand."""
        total = hashlib.sha256()
        for split, paths in self.files.items():
            for path in paths:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                total.update(f"{split}\n{path.name}\n{content}\n".encode())
        return total.hexdigest()

    def read(self, problems: Problems) -> Splits:
        """Read every file; bad records go to ``problems``."""
        splits = {}
        for split, paths in self.files.items():
            chains = []
            for path in paths:
                reader = read_text if path.suffix.lower() == ".txt" else read_table
                chains += reader(path, self._name(path), problems)
            splits[split] = drop_contradictions(chains, problems)
        return Splits(**splits)

    def _name(self, path: Path) -> str:
        """The file as messages call it: the same wherever the folder lies."""
        return path.name if path == self.root else path.relative_to(self.root).as_posix()


def find_files(root: Path) -> FileSource:
    """Sort the files under a path into splits.

    Subfolders named after a split hold its files. Without such folders, a file named
    after a split (``test.csv``) is of that split, and every other file trains.

    Args:
        root: a file, or a folder.

    Raises:
        DataError: if nothing readable is there, or nothing trains.
    """
    if root.is_file():
        if root.suffix.lower() not in SUFFIXES:
            rule = f"have one of the suffixes {', '.join(SUFFIXES)}"
            raise DataError(fault("data", rule, root.name, where=str(root)))
        return FileSource(root, {"train": (root,)})
    files = {name: _readable(root / name) for name in SPLITS if (root / name).is_dir()}
    if not files:
        files = dict.fromkeys(SPLITS, ())
        for path in _readable(root):
            files[path.stem if path.stem in SPLITS else "train"] += (path,)
    if not files.get("train"):
        found = ", ".join(sorted(path.name for path in root.iterdir())[:20]) or "an empty folder"
        rule = f"hold files to train on (train/*, train.*, or any of *{', *'.join(SUFFIXES)})"
        raise DataError(fault("data", rule, found, where=str(root)))
    return FileSource(root, {name: files[name] for name in SPLITS if files.get(name)})


def _readable(folder: Path) -> tuple[Path, ...]:
    """The files of a folder in a format that can be read, in name order."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    return tuple(
        path
        for path in paths
        if path.suffix.lower() in SUFFIXES and not path.name.startswith((".", "README", "LICENSE"))
    )
