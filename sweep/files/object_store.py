"""Files in object stores, through fsspec, which only this module uses.

An object appears complete or not at all. A folder is complete once its last object is written, a
list of the others with checksums; when the folder is replaced, that list is deleted first.
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
"""The last object written to a folder: the names of the others and their SHA-256."""

_USER = re.compile(r"(?<=://)([^/@:]*):(?!\d+(?:/|$)).*@")
_KEY = re.compile(
    r"([^&=]*(?:pass(?:word|wd)?|secret|token|key|sig(?:nature)?))=[^&]*", re.IGNORECASE
)
"""Matches the parts of a URL that must not be shown."""


@dataclass(frozen=True)
class ObjectStorePath:
    """A file or folder in an object store.

    Attributes:
        url: with a scheme that fsspec knows: ``s3://bucket/prefix``, ``gs://bucket/prefix``.
    """

    url: str

    def __truediv__(self, name: str) -> ObjectStorePath:
        """A file or folder below this one."""
        return ObjectStorePath(f"{self.url.rstrip('/')}/{name}")

    def __str__(self) -> str:
        """The URL without passwords and keys."""
        start, mark, query = _USER.sub(r"\1:***@", self.url).partition("?")
        return start + mark + _KEY.sub(r"\1=***", query)

    @property
    def name(self) -> str:
        """The last part of the URL."""
        return self.url.rstrip("/").rpartition("/")[2]

    def check(self) -> None:
        """Check that files can be written and deleted here.

        Raises:
            UsageError: if they cannot.
        """
        rule = "be a folder, or the URL of a store that can be written"
        if self.url.startswith("memory:"):  # fsspec's store within the process
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
        """The content of the file.

        Raises:
            FileNotFoundError: if it does not exist.
            OSError: if the store cannot be read.
        """
        with self._store() as (store, path):
            return bytes(store.cat_file(path))

    def write(self, data: bytes) -> None:
        """Write a file, replacing any existing file.

        Raises:
            OSError: if it cannot be written; an existing file is unchanged.
        """
        with self._store() as (store, path):
            store.pipe_file(path, data)

    def entries(self) -> list[ObjectStorePath]:
        """The files and folders directly below.

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
        """Delete a file or folder.

        Raises:
            OSError: if it cannot be deleted.
        """
        with contextlib.suppress(FileNotFoundError), self._store() as (store, path):
            for name in store.find(path):  # rm() would expand wildcards
                store.rm_file(name)

    def write_all(self, files: Mapping[str, bytes]) -> None:
        """Write a folder of files, replacing any existing folder.

        Raises:
            OSError: if it cannot be written; the folder is incomplete then.
        """
        (self / WHOLE).remove()  # incomplete from now on
        for old in self.entries():
            old.remove()
        for name, data in files.items():
            (self / name).write(data)
        sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        (self / WHOLE).write(json.dumps(sums, sort_keys=True).encode())

    def is_whole(self) -> bool:
        """Whether the folder is complete.

        Raises:
            OSError: if the store cannot be read.
        """
        with self._store() as (store, path):
            return bool(store.isfile(f"{path.rstrip('/')}/{WHOLE}"))

    def read_all(self) -> dict[str, bytes]:
        """The contents of all files of a folder; empty if it is incomplete.

        Raises:
            OSError: if the store cannot be read, or a checksum does not match.
        """
        try:
            sums: dict[str, str] = json.loads((self / WHOLE).read())
            files = {name: (self / name).read() for name in sums}
        except FileNotFoundError:  # incomplete, or deleted meanwhile
            return {}
        except ValueError as error:
            raise OSError(f"{self / WHOLE} is damaged: {error}") from error
        for name, data in files.items():
            if hashlib.sha256(data).hexdigest() != sums[name]:
                raise OSError(f"{self / name} is not what was written")
        return files

    @contextlib.contextmanager
    def _store(self) -> Iterator[tuple[Any, str]]:
        """The store and the path in it; errors of its library are raised as ``OSError``."""
        try:
            from fsspec.core import url_to_fs

            # Changes by other processes must be seen at once.
            store, path = url_to_fs(self.url, use_listings_cache=False)
            yield store, path
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {error}") from error
