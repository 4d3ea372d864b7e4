"""From what the user writes as ``--data`` to something that yields chains."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Protocol

from objectives.data.errors import RecordErrors, printable, reason, shown
from objectives.data.formats.files import SUFFIXES
from objectives.data.formats.find_files import find_files
from objectives.data.formats.hub import is_saved, open_hub, open_saved
from objectives.data.formats.open_file import format_of
from objectives.data.formats.table import PICKLED
from objectives.data.splits import Splits
from sweep.errors import DataError, fault

BUILTIN_MOTIFS = "builtin:motifs"
"""The generated data set that needs no download."""

_LISTED = 10
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class Source(Protocol):
    """Something that yields chains."""

    def digest(self) -> str:
        """Digest of the content, for the cache: equal content, equal digest."""
        ...

    def names(self) -> list[str]:
        """What is read, by name: it is told in the summary, and not covered by the digest."""
        ...

    def left_out(self) -> list[str]:
        """What lies there and is passed over, with the reason."""
        ...

    def read(self, problems: RecordErrors) -> Splits:
        """All sound records by split; the bad ones go to ``problems``."""
        ...


class MotifSource:
    """The generated data set with planted motifs."""

    def digest(self) -> str:
        """Digest of the name: the cache key covers the generator's code besides."""
        return hashlib.sha256(BUILTIN_MOTIFS.encode()).hexdigest()

    def names(self) -> list[str]:
        """No file."""
        return []

    def left_out(self) -> list[str]:
        """Nothing."""
        return []

    def read(self, problems: RecordErrors) -> Splits:
        """Generate the chains; there are no bad ones."""
        del problems
        from objectives.data.motifs import generate

        train, test = generate()
        return Splits(train=train, test=test)


def open_source(text: str, *, allow_pickle: bool = False) -> Source:
    """Find what a user means.

    Args:
        text: ``builtin:motifs``, a file, a folder of files, a folder of the ``datasets``
            library, or a Hub name ``owner/name``.
        allow_pickle: read pickled tables too.

    Raises:
        DataError: if there is no such thing, saying what was found instead.
    """
    if text.startswith("builtin:"):
        if text != BUILTIN_MOTIFS:
            raise DataError(fault("data", f"be {BUILTIN_MOTIFS} to be built in", text))
        return MotifSource()
    try:
        path = Path(text).expanduser()
        there = path.exists() or path.is_symlink()
    except (OSError, ValueError, RuntimeError) as error:  # too long, or an unknown ~user
        raise DataError(
            fault("data", "be a path or a name", shown(text), where=reason(error))
        ) from error
    if not text.strip() or "\0" in text:
        raise DataError(fault("data", "be a path or a name", text))
    if path.is_dir() and is_saved(path):
        return open_saved(path)
    if there:
        return find_files(path, allow_pickle=allow_pickle)
    if _HUB_NAME.fullmatch(text) and format_of(path) not in (*SUFFIXES, *PICKLED):
        return open_hub(text)
    raise DataError(_missing(path, text))


def _missing(path: Path, text: str) -> str:
    """Say that a path is not there, and what its nearest folder holds."""
    nearest = next((parent for parent in path.absolute().parents if parent.is_dir()), Path.cwd())
    try:
        names = sorted(printable(each.name) for each in nearest.iterdir())
    except OSError:  # a folder that may be passed through but not listed
        names = []
    listing = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    return fault(
        "data",
        f"be a path that exists, {BUILTIN_MOTIFS}, or a Hub name 'owner/name'",
        text,
        where=f"{nearest} holds {listing or 'nothing'}",
        way_out="Correct the path",
    )
