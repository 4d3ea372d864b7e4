"""A campaign's records on disk: one append-only file of JSON lines per cell.

The first line has the cell's settings, a digest of the code, and package versions. A
campaign appends to a file only if it would write the same first line.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.verdict.fingerprint import FRAMEWORK, HERE, digest
from benchmarks.verdict.study import Cell

_FRAMEWORK = (
    *("analysis", "study/claim.py", "study/design.py", "study/parameters.py", "study/space.py"),
    "study/rules.py",
    "study/trial.py",
)
_OURS = ("designs.py", "noise.py", "scenarios.py", "study.py", "surface.py", "world.py")


class OtherCodeError(RuntimeError):
    """A file's records come from other code or settings."""


def header(cell: Cell) -> dict[str, Any]:
    """The first line of a cell's file."""
    code = digest(*(HERE / name for name in _OURS), *(FRAMEWORK / name for name in _FRAMEWORK))
    return {"cell": asdict(cell), "code": code, "versions": versions()}


def versions() -> dict[str, str]:
    """Versions of the packages that compute."""
    named = {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "optuna")}
    return {"python": platform.python_version(), **named}


def path_of(folder: Path, cell: Cell) -> Path:
    """The path of a cell's file."""
    return folder / f"{cell.name}.jsonl"


def begin(folder: Path, cell: Cell) -> set[int]:
    """Prepare a cell's file for appending.

    Returns:
        The numbers of the studies that it has.

    Raises:
        OtherCodeError: if the file was written by other code or settings.
    """
    path = path_of(folder, cell)
    first = json.dumps(header(cell))
    whole = _whole_lines(path)
    if whole and whole[0] != first:
        rule = "its records come from other code or settings; remove it, or choose another --out"
        raise OtherCodeError(f"{path}: {rule}\n  there: {whole[0]}\n  now:   {first}")
    # A process killed in the middle of a line leaves a part of it; that study is made again.
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in whole or [first]), encoding="utf-8")
    return {json.loads(line)["study"] for line in whole[1:]}


def append(folder: Path, cell: Cell, record: dict[str, Any]) -> None:
    """Append a record."""
    with path_of(folder, cell).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def read(folder: Path) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The first line and the records, in order of study, of every cell."""
    for path in sorted(folder.glob("*.jsonl")):
        first, *rest = map(json.loads, _whole_lines(path))
        yield first, sorted(rest, key=lambda record: int(record["study"]))


def _whole_lines(path: Path) -> list[str]:
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    return text[: text.rfind("\n") + 1].splitlines()
