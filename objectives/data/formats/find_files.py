"""Find the data files below a path and sort them by split.

All subfolders are searched. A file belongs to the split that its folders or its own name give
(``objectives.data.split_names``). A file that names no split is for training; but if the data are
in folders named after splits, it is skipped. Skipped files are reported. A file named after a
split that cannot be read is an error, except FASTA without labels beside a table of that split.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from objectives.data.formats.fasta_labels import SUFFIXES as FASTA
from objectives.data.formats.fasta_labels import has_labels
from objectives.data.formats.files import SUFFIXES, TABLES, FileSource, unreadable
from objectives.data.formats.open_file import format_of, stem_of
from objectives.data.formats.table import PICKLED
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.split_names import hint_in, split_of_file, splits_in
from objectives.data.splits import SPLITS
from sweep.errors import DataError, fault
from sweep.terminal.printable import printable

_ARRAYS = (".pt", ".pth", ".npy", ".npz")  # refused: they do not say what their numbers mean

_NO_DATA = re.compile(
    r"(\.|~\$|(readme|licen[cs]e)(?![^\W\d_])).*"
    r"|_success|_(common_)?metadata|__macosx|__pycache__|thumbs\.db|dataset_infos?\.json"
    r"|makefile|dockerfile|requirements[\w.-]*\.txt"
    r"|(copying|notice|citation|changelog|authors|(md5|sha\d+)(sums?)?|checksums?)(\.txt)?"
    r"|.*\.(md|rst|pdf|png|jpe?g|svg|gif|html?|css|py|pyc|ipynb|sh|r|ya?ml|toml|cfg|ini|log|bib|tex"
    r"|cff|lock|crc|md5|sha\d+|asc|sig)",
    re.IGNORECASE | re.DOTALL,
)
"""Names of files and folders that contain no chains."""

_OWN_CACHE = "entry.json"
_SAVED = {"state.json", "dataset_dict.json", _OWN_CACHE}
"""Files that mark a folder of ``datasets.save_to_disk``, or an entry of our own cache."""


@dataclass(frozen=True)
class _Found:
    """One file that may be data."""

    path: Path  # of the file
    split: str  # the split that it names; empty if none
    reads: bool  # whether its suffix is of a format that can be read


def find_files(root: Path, *, allow_pickle: bool = False, kind: LabelKind = BINDING) -> FileSource:
    """Sort the files under a path into splits.

    A single file is for training whatever its name, because the user named it explicitly.

    Args:
        root: a file, or a folder.
        allow_pickle: read pickled tables too.
        kind: of the labels.

    Raises:
        DataError: if there is no readable file, none for training, or a file that looks like
            data or is named after a split cannot be read.
    """
    try:
        find = _in_folder if root.is_dir() else _alone
        return replace(find(root, allow_pickle=allow_pickle), kind=kind)
    except OSError as error:
        raise DataError(unreadable(root, error)) from error


def _alone(path: Path, *, allow_pickle: bool) -> FileSource:
    faults = _faults(path, allow_pickle=allow_pickle)
    if not path.exists():  # a link whose target is missing
        rule = "be a path that exists"
        where = f"a link to {printable(str(path.readlink()))}, which is not there"
        faults = [fault("data", rule, printable(str(path)), where=where)]
    if not faults and not _reads(path, allow_pickle=allow_pickle):
        rule = f"have one of the suffixes {', '.join(SUFFIXES)}, compressed or not"
        faults = [fault("data", rule, printable(path.name), where=printable(str(path)))]
    if faults:
        raise DataError(faults)
    stem = stem_of(path)
    said = " and ".join(split for split in splits_in(stem) if split != "train") or hint_in(stem)
    note = f"{printable(path.name)} is named after {said}; it trains because it was given alone"
    return FileSource(path, {"train": (path,)}, notes=(note,) if said else ())


def _in_folder(root: Path, *, allow_pickle: bool) -> FileSource:
    """The files of a folder by split."""
    where = printable(str(root))
    found, faults = [], []
    in_folders = False
    for path in _walk(root):
        reads = _reads(path, allow_pickle=allow_pickle)
        relative = path.relative_to(root)
        stem = stem_of(path) if reads else path.name
        split, odd = split_of_file(relative, stem, where)
        found.append(_Found(path, split, reads))
        faults += odd
        in_folders |= reads and any(splits_in(name) for name in relative.parts[:-1])
    tables = any(each.reads and format_of(each.path) not in FASTA for each in found)
    homes = {each.path.parent for each in found if each.reads}
    files: dict[str, tuple[Path, ...]] = dict.fromkeys(SPLITS, ())
    passed_over = []
    for each in found:
        lost = _faults(each.path, allow_pickle=allow_pickle)
        if lost and (each.path.parent in homes or not homes or each.split):
            faults += lost
            continue
        why = _why_not(each, tables=tables, in_folders=in_folders)
        if not why:
            files[each.split or "train"] += (each.path,)
        elif each.split and not (each.reads and _table_of(found, each.split)):
            name, rule = printable(each.path.relative_to(root).as_posix()), "be read"
            way_out = "Write its chains in a format that is read, or move it elsewhere"
            got = f"{name}, which is named after {each.split} and {why}"
            faults.append(fault("data", rule, got, where=where, way_out=way_out))
        else:
            passed_over.append(f"{printable(each.path.relative_to(root).as_posix())}: {why}")
    if faults:
        raise DataError(faults)
    if not files["train"]:
        held = ", ".join(sorted(path.name for path in root.iterdir())[:20]) or "an empty folder"
        rule = f"hold files to train on (train/*, train.*, or any of *{', *'.join(SUFFIXES)})"
        raise DataError(fault("data", rule, printable(held), where=where))
    return FileSource(
        root,
        {name: paths for name, paths in files.items() if paths},
        named=frozenset(each.path for each in found if each.split),
        loose=frozenset(each.path for each in found if not each.split and each.path.parent != root),
        passed_over=tuple(passed_over),
    )


def _table_of(found: list[_Found], split: str) -> bool:
    """Whether some file found is a table of this split."""
    return any(each.split == split and format_of(each.path) in TABLES for each in found)


def _why_not(each: _Found, *, tables: bool, in_folders: bool) -> str:
    """Why a file is not read; empty if it is read."""
    if each.path.is_dir():
        return "is a folder of datasets.save_to_disk within another"
    if not each.reads:
        return "is of no format that is read"
    if in_folders and not each.split:
        return "lies outside of the folders of the splits"
    if tables and format_of(each.path) in FASTA and not has_labels(each.path):
        return "is FASTA without labels beside tables"
    return ""


def _walk(root: Path) -> Iterator[Path]:
    """Every file that may be data, and every folder of ``save_to_disk``, sorted by path."""
    seen: set[tuple[int, int]] = set()
    paths: list[Path] = []
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_refuse):
        status = Path(folder).stat()
        key = status.st_dev, status.st_ino
        if key in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(key)
        if Path(folder) != root and not _SAVED.isdisjoint(names):
            folders.clear()
            paths += [] if _OWN_CACHE in names else [Path(folder)]
            continue
        folders[:] = [name for name in folders if not _NO_DATA.fullmatch(name)]
        tables = [name for name in folders if Path(name).suffix.lower() in (*TABLES, *PICKLED)]
        paths += [Path(folder, name) for name in (*names, *tables) if not _NO_DATA.fullmatch(name)]
    return iter(sorted(paths))


def _refuse(error: OSError) -> None:
    raise error


def _reads(path: Path, *, allow_pickle: bool) -> bool:
    """Whether the suffix says that a file can be read."""
    suffix = format_of(path)
    return suffix in SUFFIXES or (allow_pickle and suffix in PICKLED)


def _faults(path: Path, *, allow_pickle: bool) -> list[str]:
    """The error for a file that looks like data and cannot be read; empty for any other."""
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
