"""Files in object stores, through fsspec; the one module that knows of it.

An object appears whole or not at all. A folder of several is whole once a list of what it holds,
with a checksum each, is written; that comes last, and goes first when the folder is replaced.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweep.errors import UsageError, fault

WHOLE = "whole.json"
"""The last object of a folder: the names of the others and their SHA-256."""

_USER = re.compile(r"(?<=://)([^/@:]*):(?!\d+(?:/|$)).*@")
_KEY = re.compile(
    r"([^&=]*(?:pass(?:word|wd)?|secret|token|key|sig(?:nature)?))=[^&]*", re.IGNORECASE
)
"""Where a URL holds what must not be shown."""

_OWN_MEMORY = "memory"
"""The scheme of a store that each process has for itself."""


@dataclass(frozen=True)
class ObjectStorePath:
    """A place in a store, of a file or of a folder.

    Attributes:
        url: with a scheme that fsspec knows: ``s3://bucket/prefix``, ``gs://bucket/prefix``.
    """

    url: str

    def __truediv__(self, name: str) -> ObjectStorePath:
        """A place below."""
        return ObjectStorePath(f"{self.url.rstrip('/')}/{name}")

    def __str__(self) -> str:
        """The URL for people, without a password or key that it may hold."""
        start, mark, query = _USER.sub(r"\1:***@", self.url).partition("?")
        return start + mark + _KEY.sub(r"\1=***", query)

    @property
    def name(self) -> str:
        """The last part of the URL."""
        return self.url.rstrip("/").rpartition("/")[2]

    def check(self) -> None:
        """See whether files can be written and removed here.

        Raises:
            UsageError: if not.
        """
        rule = "be a folder, or the URL of a store that can be written"
        if self.url.startswith(f"{_OWN_MEMORY}:"):
            raise UsageError(fault("--files", rule, str(self), where="each process has its own"))
        try:
            probe = self / ".lorasweep"
            probe.write(b"")
            probe.remove()
        except OSError as error:
            way_out = "Check bucket and credentials"
            if isinstance(error.__cause__, ImportError):
                way_out = "pip install 'lorasweep[remote]'"
            where = " ".join(str(error).split()).rstrip(".")
            text = fault("--files", rule, str(self), where=where, way_out=way_out)
            raise UsageError(text) from error

    def read(self) -> bytes:
        """What the file holds.

        Raises:
            FileNotFoundError: if there is none.
            OSError: if the store cannot be read.
        """
        with self._store() as (store, path):
            return bytes(store.cat_file(path))

    def write(self, data: bytes) -> None:
        """Put a file in the place of whatever was there.

        Raises:
            OSError: if it could not be written; what was there before is still there.
        """
        with self._store() as (store, path):
            store.pipe_file(path, data)

    def exists(self) -> bool:
        """Whether there is such a file.

        Raises:
            OSError: if the store cannot be read.
        """
        with self._store() as (store, path):
            return bool(store.isfile(path))

    def entries(self) -> list[ObjectStorePath]:
        """Files and folders directly below.

        Raises:
            OSError: if the store cannot be read.
        """
        try:
            with self._store() as (store, path):
                found = [str(name).rstrip("/") for name in store.ls(path, detail=False)]
                below = [name for name in found if name != path.rstrip("/")]
        except FileNotFoundError:
            return []
        return [self / name.rpartition("/")[2] for name in sorted(below)]

    def remove(self) -> None:
        """Take a file or folder away.

        Raises:
            OSError: if that cannot be done.
        """
        with contextlib.suppress(FileNotFoundError), self._store() as (store, path):
            for name in store.find(path):  # rm() would read signs in it as patterns
                store.rm_file(name)

    def write_all(self, files: Mapping[str, bytes]) -> None:
        """Put a folder of files in the place of whatever folder was there.

        Raises:
            OSError: if it could not be written; it is not whole then.
        """
        self.remove_list()
        for old in self.entries():
            old.remove()
        for name, data in files.items():
            (self / name).write(data)
        sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        (self / WHOLE).write(json.dumps(sums, sort_keys=True).encode())

    def remove_list(self) -> None:
        """Have the folder be not whole, whatever comes next."""
        (self / WHOLE).remove()

    def is_whole(self) -> bool:
        """Whether a folder was written to its end."""
        return (self / WHOLE).exists()

    def read_all(self) -> dict[str, bytes]:
        """All files of a folder; none where it is not whole.

        Raises:
            OSError: if the store cannot be read, or holds something else than was written.
        """
        try:
            sums: dict[str, str] = json.loads((self / WHOLE).read())
            files = {name: (self / name).read() for name in sums}
        except FileNotFoundError:  # not whole, or going meanwhile
            return {}
        except ValueError as error:
            raise OSError(f"{self / WHOLE} is damaged: {error}") from error
        for name, data in files.items():
            if hashlib.sha256(data).hexdigest() != sums[name]:
                raise OSError(f"{self / name} is not what was written")
        return files

    @contextlib.contextmanager
    def _store(self) -> Iterator[tuple[Any, str]]:
        """The store and the path in it; whatever its library raises is an ``OSError``."""
        try:
            from fsspec.core import url_to_fs

            # What other processes wrote must be seen at once.
            store, path = url_to_fs(self.url, use_listings_cache=False)
            yield store, path
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
