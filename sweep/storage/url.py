"""Where a study is kept: one URL, checked, with its password kept out of everything shown."""

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
"""In a value of another name: what was typed with ``?`` for ``&``."""
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
_HIDDEN = "***"


@dataclass(frozen=True)
class StorageUrl:
    """A parsed storage URL.

    Attributes:
        url: what a driver connects to, password and all; never shown.
        shown: the same for people, logs and reports, without secrets.
        kind: ``sqlite``, ``postgresql`` or ``journal``.
        path: the file, for ``sqlite`` and ``journal``; of a link, where it leads.
        secrets: what must not appear in any text.
        link: the link that the URL names, where it names one.
    """

    url: str
    shown: str
    kind: str
    path: Path | None = None
    secrets: tuple[str, ...] = ()
    link: Path | None = None

    @classmethod
    def parse(cls, url: str, name: str = "--storage") -> StorageUrl:
        """Read a URL.

        Args:
            url: as the user wrote it.
            name: what the user calls it, for errors.

        Raises:
            StorageError: if it is no URL of a storage that lorasweep uses.
        """
        if "\0" in url:
            raise StorageError(fault(name, "be a database URL", "a zero byte", way_out=_WAY_OUT))
        try:
            path = file_of(url, name)
            if path is not None:
                return cls._of_file(url, path)
            parsed = sqlalchemy.engine.make_url(url)
            shown, secrets = _without_secrets(parsed)
        except (sqlalchemy.exc.ArgumentError, ValueError) as error:  # also bytes of no text
            # The text itself may hold a password that only a parser would find.
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
        """A text without this address's secrets, however they were written."""
        for secret in self.secrets:
            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, _HIDDEN)
        return text

    @property
    def files(self) -> Path:
        """Where trials keep their files unless told otherwise: beside a file's database.

        Of a database behind a link that is beside the file itself, however it is named, unless
        an older version has put them beside the link.
        """
        if self.path is None:
            return Path("runs") / "files"
        beside = self.path.with_name(f"{self.path.name}.files")
        if self.link is not None and not beside.exists():
            older = self.link.with_name(f"{self.link.name}.files")
            return older if older.exists() else beside
        return beside


def _without_secrets(url: sqlalchemy.engine.URL) -> tuple[str, tuple[str, ...]]:
    """The URL for people, and the secrets it held."""
    secrets = [str(url.password)] if url.password else []
    query = dict(url.query)
    for key, value in query.items():
        values = [value] if isinstance(value, str) else list(value)
        if _SECRET.search(key) or any(map(_SECRET_WITHIN.search, values)):
            secrets += values
            query[key] = _HIDDEN
    # What SQLAlchemy quotes again on rendering would read %2A%2A%2A.
    shown = url.set(query=query).render_as_string(hide_password=True).replace("%2A", "*")
    return shown, tuple(secret for secret in secrets if secret)


def default_url(name: str) -> str:
    """Where a study goes when nobody says otherwise."""
    return f"sqlite:///runs/{folder_name(name)}/study.db"


def folder_beside(address: StorageUrl, name: str, what: str) -> Path:
    """A study's folder for something that is made of it: beside a file's database, else in runs.

    Args:
        address: the database.
        name: the study.
        what: is made (``report``).
    """
    named = address.link or address.path
    beside = Path("runs") if named is None else named.parent
    return beside / f"{folder_name(name)}-{what}"


def folder_name(name: str) -> str:
    """A study's name as one folder: itself where that is safe, else made so and told apart.

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
    return f"{safe},{digest}"  # with a sign that no safe name has, so that none is another's
