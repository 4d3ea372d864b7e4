"""Distinguish failures caused by missing or changed inputs from failures of the trial.

If, for example, a network drive is unavailable for a moment, every configuration fails, whatever
its parameters are. Such trials count as interrupted and run again once the input is back.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from platformdirs import user_cache_dir

from sweep.errors import InputChangedError
from sweep.study.trial import INPUT_AWAY, INTERRUPTED, Failure

_OF_THE_MACHINE = frozenset(
    getattr(errno, name)
    for name in (
        *("EIO", "ESTALE", "ENODEV", "ENXIO", "EROFS", "ENOSPC", "EDQUOT", "EMFILE", "ENFILE"),
        *("ENOTCONN", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT"),
        *("EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "ENETRESET"),
    )
    if hasattr(errno, name)
)
"""Error numbers of a disk, a network or a system limit, which no configuration causes."""

_ERRNO = re.compile(r"\[Errno (\d+)\]")
_READERS = {"HFValidationError", "SafetensorError"}
"""Exceptions, other than an ``OSError``, that libraries raise for a missing folder."""


class Inputs:
    """The inputs that a worker's trials read.

    Args:
        inputs: the study's inputs by name: paths, or names on a hub.
    """

    def __init__(self, inputs: Mapping[str, str]) -> None:
        caches = (user_cache_dir("lorasweep"), os.environ.get("HF_HOME", ""))
        paths = [path for path in inputs.values() if path]
        self._there = [path for path in paths if Path(path).exists()]
        self._named = [*paths, *(cache for cache in caches if cache)]

    def judged(self, failure: Failure) -> Failure:
        """The failure; turned into an interruption if an input was missing or changed."""
        if failure.reason != "exception" or not self._away(failure):
            return failure
        message = f"{failure.kind}: {failure.message}"
        return replace(failure, reason=INTERRUPTED, kind=INPUT_AWAY, message=message)

    def _away(self, failure: Failure) -> bool:
        if failure.kind == InputChangedError.__name__:
            return True
        if not all(Path(path).exists() for path in self._there):
            return True
        if failure.kind not in _READERS and failure.kind not in set(_names(OSError)):
            return False
        found = _ERRNO.search(failure.message)
        if found and int(found[1]) in _OF_THE_MACHINE:
            return True
        return any(_names_it(failure.message, path) for path in self._named)


def _names_it(message: str, path: str) -> bool:
    """Whether a message contains a path, or a path below it."""
    return re.search(rf"(?<![\w.-]){re.escape(path)}(?![\w-]|\.\w)", message) is not None


def _names(kind: type[BaseException]) -> Iterator[str]:
    """The names of an exception class and of all its subclasses."""
    yield kind.__name__
    for each in kind.__subclasses__():
        yield from _names(each)
