"""Storage URLs: parsed, checked, and shown without passwords."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

import sqlalchemy.engine
import sqlalchemy.exc

from sweep.errors import StorageError, fault
from sweep.files.location import is_file

_FILE = re.compile(r"(?:sqlite|sqlite\+pysqlite|journal):///(?P<path>.+)", re.DOTALL)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
"""How Windows paths begin."""
_UNREADABLE = ("Cc", "Cs")
"""Unicode categories of control characters, and of bytes that are not text."""


def _file_of(url: str, name: str) -> Path | None:
    """The file that a URL names, with ``~`` and ``%20`` resolved; None if it names none."""
    match = _FILE.fullmatch(url)
    if match is None:
        return None
    text = match["path"]
    path, _, query = text.partition("?")
    literal = Path(text)
    if ("%" in text or "?" in text or text.startswith("~")) and is_file(literal):
        return literal  # made by an older version
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


_LAST_PORT = 65_535
_SEVERAL = ("host", "port")
"""Parameters that may be given more than once, for several hosts."""


def _server_faults(url: sqlalchemy.engine.URL, name: str) -> Iterator[str]:
    """Every part of a server's URL that would be misread or ignored, without passwords."""
    if "@" in (url.host or ""):
        rule = "have one @, before the host"
        yield fault(name, rule, "several", way_out="Write %40 for an @ in a name or password")
    if url.port is not None and not 1 <= url.port <= _LAST_PORT:
        yield fault(name, f"have a port of 1 to {_LAST_PORT}", url.port)
    known = _parameters()
    for key, value in url.query.items():
        if known and key not in known:
            near = get_close_matches(key, known, 1)
            way_out = f"Did you mean {near[0]}" if near else "Leave it out"
            rule = "have parameters of PostgreSQL's library after the ?"
            yield fault(name, rule, key, way_out=way_out)
        elif not isinstance(value, str) and key not in _SEVERAL:
            yield fault(name, f"have {key} once", f"{len(value)} times")


def _parameters() -> frozenset[str]:
    """The parameters that libpq accepts; empty if it is not installed."""
    try:
        from psycopg.pq import Conninfo
    except ImportError:
        return frozenset()
    return frozenset(option.keyword.decode() for option in Conninfo.get_defaults())


_WAY_OUT = (
    "Write 'sqlite:///study.db', 'postgresql+psycopg://user@host/database' or "
    "'journal:///study.log'"
)
_SECRET = re.compile(r"pass(word|wd)?|secret|token|key$", re.IGNORECASE)
_SECRET_WITHIN = re.compile(r"(pass(word|wd)?|secret|token|key)\s*=", re.IGNORECASE)
"""Matches a password in the value of another parameter, as when ``?`` was typed for ``&``."""
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
_HIDDEN = "***"


@dataclass(frozen=True)
class StorageUrl:
    """A parsed storage URL.

    Attributes:
        url: the URL to connect to, with its password; never shown.
        shown: the URL without passwords, for messages, logs and reports.
        kind: ``sqlite``, ``postgresql`` or ``journal``.
        path: the file, for ``sqlite`` and ``journal``; symbolic links are resolved.
        secrets: texts that must not be shown.
        link: the symbolic link that the URL names; None if it names none.
    """

    url: str
    shown: str
    kind: str
    path: Path | None = None
    secrets: tuple[str, ...] = ()
    link: Path | None = None

    @classmethod
    def parse(cls, url: str, name: str = "--storage") -> StorageUrl:
        """Parse a URL.

        Args:
            url: the URL as given by the user.
            name: the option that gave it, for errors.

        Raises:
            StorageError: if it is not the URL of a supported storage.
        """
        if "\0" in url:
            raise StorageError(fault(name, "be a database URL", "a zero byte", way_out=_WAY_OUT))
        try:
            path = _file_of(url, name)
            if path is not None:
                return cls._of_file(url, path)
            parsed = sqlalchemy.engine.make_url(url)
            shown, secrets = _without_secrets(parsed)
        except (sqlalchemy.exc.ArgumentError, ValueError) as error:  # also bytes that are not text
            # The text may contain a password that only a parser would find.
            start = re.split(r"[^\w+.-]", url, maxsplit=1)[0]
            got = f"{start}:{_HIDDEN}" if re.search("[@=]", url) else url
            rule = "be a database URL"
            raise StorageError(fault(name, rule, got, way_out=_WAY_OUT)) from error
        if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
            memory = "name a file: what is kept in memory cannot be resumed"
            rule = "name a file after three slashes" if parsed.host else memory
            got = shown if secrets else url  # which quotes the colons of :memory:
            raise StorageError(fault(name, rule, got, way_out=_WAY_OUT))
        if parsed.drivername in _POSTGRES:
            faults = list(_server_faults(parsed, name))
            if faults:
                raise StorageError("\n".join(faults))
            real = parsed.set(drivername="postgresql+psycopg")
            connected = real.render_as_string(hide_password=False)
            return cls(connected, shown, "postgresql", None, secrets)
        rule = "be a database of SQLite, PostgreSQL or Optuna's journal"
        raise StorageError(fault(name, rule, shown, way_out=_WAY_OUT))

    @classmethod
    def _of_file(cls, url: str, path: Path) -> StorageUrl:
        kind = "journal" if url.startswith("journal") else "sqlite"
        link = path if os.path.islink(path) else None  # noqa: PTH114 - false where none can be
        path = path if link is None else Path(os.path.realpath(path))
        real = f"journal:///{path}"
        if kind == "sqlite":
            made = sqlalchemy.engine.URL.create("sqlite", database=str(path))
            real = made.render_as_string()
        return cls(real, url, kind, path, link=link)

    def redact(self, text: str) -> str:
        """A text with this URL's passwords replaced, in every encoding."""
        for secret in self.secrets:
            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, _HIDDEN)
        return text

    @property
    def files(self) -> Path:
        """The default folder of trial files: beside the database's file, or ``runs/files``.

        It is beside a symbolic link's target, unless an older version has put it beside the link.
        """
        if self.path is None:
            return Path("runs") / "files"
        beside = self.path.with_name(f"{self.path.name}.files")
        if self.link is not None and not beside.exists():
            older = self.link.with_name(f"{self.link.name}.files")
            return older if older.exists() else beside
        return beside


def _without_secrets(url: sqlalchemy.engine.URL) -> tuple[str, tuple[str, ...]]:
    secrets = [str(url.password)] if url.password else []
    query = dict(url.query)
    for key, value in query.items():
        values = [value] if isinstance(value, str) else list(value)
        if _SECRET.search(key) or any(map(_SECRET_WITHIN.search, values)):
            secrets += values
            query[key] = _HIDDEN
    # SQLAlchemy would render *** as %2A%2A%2A.
    shown = url.set(query=query).render_as_string(hide_password=True).replace("%2A", "*")
    return shown, tuple(secret for secret in secrets if secret)


def default_url(name: str) -> str:
    """The default storage URL of a study."""
    return f"sqlite:///runs/{folder_name(name)}/study.db"


def folder_beside(address: StorageUrl, name: str, what: str) -> Path:
    """The default folder for a study's output: beside its database's file, else in ``runs``.

    Args:
        address: the database.
        name: the study.
        what: the kind of output, such as ``report``.
    """
    named = address.link or address.path
    beside = Path("runs") if named is None else named.parent
    return beside / f"{folder_name(name)}-{what}"


def folder_name(name: str) -> str:
    """A study's name as a folder name: itself if safe, else made safe and unique by a digest.

    Example:
        >>> folder_name("demo")
        'demo'
        >>> folder_name("../a b").startswith("a_b,")
        True
    """
    safe = re.sub(r"[^\w.+-]+", "_", name, flags=re.ASCII).strip("._")[:64]
    if safe and safe == name:
        return safe
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{safe},{digest}"  # the comma cannot occur in a safe name, so names stay unique
