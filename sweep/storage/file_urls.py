"""The file that a URL of SQLite or of a journal names."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote

from sweep.errors import StorageError, fault

_FILE = re.compile(r"(?:sqlite|sqlite\+pysqlite|journal):///(?P<path>.+)", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
"""How Windows paths begin."""
_UNREADABLE = ("Cc", "Cs")
"""Unicode categories of control characters, and of bytes that are not text."""


def file_of(url: str, name: str) -> Path | None:
    """The file that a URL names, with ``~`` and ``%20`` resolved; None if it names none.

    If a file exists under the URL's literal text, as older versions created it, that one is used.

    Args:
        url: the URL as given by the user.
        name: the option that gave it, for errors.

    Raises:
        StorageError: if no file can be derived from it.
    """
    match = _FILE.fullmatch(url)
    if match is None:
        return None
    text = match["path"]
    path, _, query = text.partition("?")
    literal = Path(text)
    if ("%" in text or "?" in text or text.startswith("~")) and _is_file(literal):
        return literal
    if "?" in text:
        rule = "name a file without ?: nothing is read from what follows it"
        way_out = "Leave it out, or write %3F for a ? in the file's name"
        # without values: one may be a password
        names = [part.partition("=")[0] for part in query.split("&")]
        raise StorageError(fault(name, rule, f"?{'&'.join(names)}", way_out=way_out))
    decoded = unquote(path, errors="strict")
    if decoded == ":memory:":
        return None
    if any(unicodedata.category(sign) in _UNREADABLE for sign in decoded):
        raise StorageError(fault(name, "be a line of text", decoded))
    if os.name != "nt" and _DRIVE.match(decoded):
        rule, way_out = "name a file of this system", "Write / between folders, and no drive"
        raise StorageError(fault(name, rule, decoded, way_out=way_out))
    if decoded.endswith("/") or Path(decoded).name in ("", ".", ".."):
        raise StorageError(fault(name, "name a file, not a folder", decoded))
    try:
        return Path(decoded).expanduser()
    except RuntimeError as error:
        rule, way_out = "begin with a home folder that there is", "Write the whole path"
        raise StorageError(fault(name, rule, decoded, way_out=way_out)) from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
