"""Disk faults injected into other processes through ``LD_PRELOAD`` (see faulty.c)."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

SOURCE = Path(__file__).with_name("faulty.c")

KINDS = {
    "write": 1,  # write, pwrite, writev, sendfile, fwrite
    "sync": 2,  # fsync, fdatasync; also of folders
    "truncate": 4,
    "open": 8,  # open for writing, or creating
    "rename": 16,  # matched by the new name
    "mkdir": 32,
    "unlink": 64,  # deleting files and folders
}
"""Kinds of calls that can fail; the numbers are faulty.c's."""

USUAL = {
    "ENOSPC": ("write", "mkdir"),  # an empty file still fits on most full disks
    "EIO": ("write", "sync"),
    "EROFS": tuple(KINDS),  # a disk remounted read-only also refuses open files
    "EACCES": ("open", "rename", "mkdir", "unlink"),  # files that are already open stay writable
}
"""The kinds of calls that fail with each errno in practice."""

SLOTS = 512
RULES_BYTES = 8192


def missing() -> str | None:
    """The reason why this machine cannot inject faults, or None."""
    if sys.platform != "linux":
        return f"LD_PRELOAD and /proc are Linux's, this is {sys.platform}"
    return None if shutil.which("cc") else "no C compiler here (cc)"


def build(folder: Path) -> Path:
    """Compile the library into a folder."""
    library = folder / "faulty.so"
    # Distributions that fortify by default would inline wrappers of the functions that it defines.
    flags = ("-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-U_FORTIFY_SOURCE")
    subprocess.run(["cc", *flags, "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Faults:
    """Disk faults for processes started with ``environment()``; none until ``fail`` is called.

    Args:
        library: the result of ``build``.
        folder: an empty folder for the rules, the counters and the log.
    """

    def __init__(self, library: Path, folder: Path) -> None:
        self._library = library
        self._rules = folder / "rules"
        self._slots = folder / "slots"
        self._log = folder / "log"
        self._active: list[str] = []
        self._made = 0
        self._rules.touch()
        self._log.touch()
        self._slots.write_bytes(bytes(8 * SLOTS))

    def environment(self) -> dict[str, str]:
        """This process's environment with the faults, for ``subprocess``."""
        preload = [str(self._library), os.environ.get("LD_PRELOAD", "")]
        return os.environ | {
            "LD_PRELOAD": ":".join(filter(None, preload)),
            "FAULTY_RULES": str(self._rules),
            "FAULTY_SLOTS": str(self._slots),
            "FAULTY_LOG": str(self._log),
        }

    def fail(
        self,
        pattern: str | Path,
        errno_name: str,
        *,
        calls: Collection[str] = (),
        skip: int = 0,
        limit: int | None = None,
    ) -> None:
        """Make calls fail from now on, also in running processes.

        With ENOSPC the first failing write is a short one, as on a disk that fills up: half of
        it is written, and later writes fail.

        Args:
            pattern: an absolute path, or a str with wildcards; * matches slashes too.
            errno_name: such as ENOSPC, EIO, EROFS, EACCES.
            calls: which kinds, of ``KINDS``; by default those of ``USUAL``.
            skip: how many matching calls succeed first.
            limit: how many fail then; all by default.
        """
        text = glob.escape(str(pattern)) if isinstance(pattern, Path) else pattern
        assert text.startswith(("/", "*")), f"{text!r} can match no absolute path"
        assert self._made < SLOTS, "a Faults has room for 512 rules in its life"
        kinds = sum(KINDS[kind] for kind in set(calls or USUAL[errno_name]))
        partial = int(errno_name == "ENOSPC")
        ends = -1 if limit is None else limit
        number = getattr(errno, errno_name)
        self._active.append(f"{self._made} {number} {kinds} {partial} {skip} {ends} {text}\n")
        self._made += 1
        self._write()

    def clear(self) -> None:
        """End all faults; the counts are kept."""
        self._active.clear()
        self._write()

    def count(self) -> int:
        """The number of failed calls; a short write does not count, the failure after it does."""
        return len(self.injected())

    def injected(self) -> list[str]:
        """The calls that have failed, in order: ``pid call errno path``, the errno a number."""
        return self._log.read_text().splitlines()

    def _write(self) -> None:
        text = "".join(self._active)
        assert len(text.encode()) < RULES_BYTES, "too many rules at a time"
        scratch = self._rules.with_suffix(".new")
        scratch.write_text(text)
        scratch.replace(self._rules)  # so that no reader sees a partial rule
