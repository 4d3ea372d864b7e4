"""Storage URLs: parsed, checked, and shown without passwords."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

import sqlalchemy.engine
import sqlalchemy.exc

from sweep.errors import StorageError, fault
from sweep.storage.file_urls import file_of
from sweep.storage.server_urls import server_faults

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
            path = file_of(url, name)
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
            rule = "name a file: what is kept in memory cannot be resumed"
            if parsed.host:
                rule = "name a file after three slashes"
            got = shown if secrets else url  # which quotes the colons of :memory:
            raise StorageError(fault(name, rule, got, way_out=_WAY_OUT))
        if parsed.drivername in _POSTGRES:
            faults = list(server_faults(parsed, name))
            if faults:
                raise StorageError("\n".join(faults))
            real = parsed.set(drivername="postgresql+psycopg")
            return cls(
                real.render_as_string(hide_password=False), shown, "postgresql", None, secrets
            )
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

        If the URL names a symbolic link, the folder is beside the link's target, unless an older
        version has put it beside the link.
        """
        if self.path is None:
            return Path("runs") / "files"
        beside = self.path.with_name(f"{self.path.name}.files")
        if self.link is not None and not beside.exists():
            older = self.link.with_name(f"{self.link.name}.files")
            return older if older.exists() else beside
        return beside


def _without_secrets(url: sqlalchemy.engine.URL) -> tuple[str, tuple[str, ...]]:
    """The URL without passwords, and the passwords it held."""
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
