"""Disks that fail on demand under other processes, by way of ``LD_PRELOAD`` (see faulty.c)."""

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
    "sync": 2,  # fsync, fdatasync; of folders too
    "truncate": 4,
    "open": 8,  # for writing, or creating
    "rename": 16,  # known by the new name
    "mkdir": 32,
    "unlink": 64,  # of files and folders
}
"""Kinds of calls that can fail; the numbers are faulty.c's."""

USUAL = {
    "ENOSPC": ("write", "mkdir"),  # an empty file still fits on most full disks
    "EIO": ("write", "sync"),
    "EROFS": tuple(KINDS),  # a disk that turned read-only refuses open files too
    "EACCES": ("open", "rename", "mkdir", "unlink"),  # what is open already stays so
}
"""Which kinds of calls each errno comes from in life."""

SLOTS = 512
RULES_BYTES = 8192


def missing() -> str | None:
    """Why this machine cannot inject faults; None where it can."""
    if sys.platform != "linux":
        return f"LD_PRELOAD and /proc are Linux's, this is {sys.platform}"
    return None if shutil.which("cc") else "no C compiler here (cc)"


def build(folder: Path) -> Path:
    """Compile the library into a folder."""
    library = folder / "faulty.so"
    # Distributions that fortify by default would make inline wrappers of what it defines.
    flags = ("-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-U_FORTIFY_SOURCE")
    subprocess.run(["cc", *flags, "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Faults:
    """Faults that processes started with ``environment()`` meet; none until ``fail`` is called.

    Args:
        library: what ``build`` made.
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
        """This process's environment, with the faults; a subprocess may take it as it is."""
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
        """Let calls fail from now on, also those of processes that run already.

        With ENOSPC the first write to fail is a short one, as on a disk that fills up: half of
        it is written, and what follows fails.

        Args:
            pattern: an absolute path, or with a str a pattern for one; * matches slashes too.
            errno_name: such as ENOSPC, EIO, EROFS, EACCES.
            calls: which kinds, of ``KINDS``; those of ``USUAL`` unless told.
            skip: how many matching calls go well before.
            limit: how many fail then; all unless told.
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
        """Let all calls go well again; what was counted stays counted."""
        self._active.clear()
        self._write()

    def count(self) -> int:
        """How many calls have failed; a short write is not one, the failure after it is."""
        return len(self.injected())

    def injected(self) -> list[str]:
        """The calls that have failed, in order: ``pid call errno path``, the errno a number."""
        return self._log.read_text().splitlines()

    def _write(self) -> None:
        text = "".join(self._active)
        assert len(text.encode()) < RULES_BYTES, "too many rules at a time"
        scratch = self._rules.with_suffix(".new")
        scratch.write_text(text)
        scratch.replace(self._rules)  # no reader may see half a rule
