"""Open the data source that the user names with ``--data``."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Protocol

from objectives.data.errors import RecordErrors, reason, shown
from objectives.data.formats.files import SUFFIXES
from objectives.data.formats.find_files import find_files
from objectives.data.formats.hub import is_saved, open_hub, open_saved
from objectives.data.formats.open_file import format_of
from objectives.data.formats.table import PICKLED
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.splits import Splits
from sweep.errors import DataError, fault
from sweep.terminal.printable import printable

BUILTIN_MOTIFS = "builtin:motifs"  # name of the generated data set, which needs no download
_LISTED = 10
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class Source(Protocol):
    """A data source from which chains are read."""

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Files that are not read, with the reason."""
        ...

    def digest(self) -> str:
        """Digest of the content, part of the cache key."""
        ...

    def names(self) -> list[str]:
        """Names of the files or tables read; part of the cache key, as the summary lists them."""
        ...

    def read(self, problems: RecordErrors) -> Splits:
        """Read all valid records by split; errors are collected in ``problems``."""
        ...


class MotifSource:
    """The generated data set with planted motifs."""

    passed_over = ()

    def __init__(self, kind: LabelKind = BINDING) -> None:
        self._kind = kind

    def digest(self) -> str:
        """Digest of the name; the generator's code is part of the cache key as well."""
        return hashlib.sha256(BUILTIN_MOTIFS.encode()).hexdigest()

    def names(self) -> list[str]:
        """Empty, as nothing is read from a file."""
        return []

    def read(self, problems: RecordErrors) -> Splits:
        """Generate the chains; never adds errors."""
        del problems
        from objectives.data.motifs import generate

        train, test = generate()
        return Splits(train=train, test=test).map(
            lambda _, chains: [self._kind.of_ligands(chain) for chain in chains]
        )


def open_source(text: str, *, allow_pickle: bool = False, kind: LabelKind = BINDING) -> Source:
    """Open a data source by its name or path.

    Args:
        text: ``builtin:motifs``, a file, a folder of files, a folder of the ``datasets``
            library, or a Hub name ``owner/name``.
        allow_pickle: read pickled tables too.
        kind: of the labels.

    Raises:
        DataError: if it does not exist or cannot be opened, saying what was found instead.
    """
    if text.startswith("builtin:"):
        if text != BUILTIN_MOTIFS:
            raise DataError(fault("data", f"be {BUILTIN_MOTIFS} to be built in", text))
        return MotifSource(kind)
    try:
        path = Path(text).expanduser()
        there = path.exists() or path.is_symlink()
    except (OSError, ValueError, RuntimeError) as error:  # too long, or an unknown ~user
        where = reason(error)
        raise DataError(fault("data", "be a path or a name", shown(text), where=where)) from error
    if not text.strip() or "\0" in text:
        raise DataError(fault("data", "be a path or a name", text))
    if path.is_dir() and is_saved(path):
        return open_saved(path, kind)
    if there:
        return find_files(path, allow_pickle=allow_pickle, kind=kind)
    if _HUB_NAME.fullmatch(text) and format_of(path) not in (*SUFFIXES, *PICKLED):
        return open_hub(text, kind)
    raise DataError(_missing(path, text))


def _missing(path: Path, text: str) -> str:
    """The error for a path that does not exist, listing its nearest existing folder."""
    nearest = next((parent for parent in path.absolute().parents if parent.is_dir()), Path.cwd())
    try:
        names = sorted(printable(each.name) for each in nearest.iterdir())
    except OSError:  # no permission to list the folder
        names = []
    listing = ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")
    rule = f"be a path that exists, {BUILTIN_MOTIFS}, or a Hub name 'owner/name'"
    where = f"{nearest} holds {listing or 'nothing'}"
    return fault("data", rule, text, where=where, way_out="Correct the path")
