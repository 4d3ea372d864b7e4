"""Real disks that are full or read-only, if this process may mount them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REFUSALS = ("permission denied", "not permitted")  # root without the capability to mount


@contextlib.contextmanager
def small_disk(tmp_path: Path, megabytes: int) -> Iterator[Path]:
    """A small file system; skips the test where mounting is not allowed.

    Args:
        tmp_path: parent of its mount point.
        megabytes: its size.

    Yields:
        The mount point.
    """
    folder = tmp_path / f"disk-of-{megabytes}-mb"
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", folder)
    try:
        yield folder
    finally:
        _unmount(folder)


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Make a folder or file read-only, also for root, until the context ends.

    A file opened for writing before stays writable, since the mount covers the path only. Skips the
    test where mounting is not allowed.
    """
    _mount("--bind", path, path)
    try:
        _mount("-o", "remount,bind,ro", path)
        yield
    finally:
        _unmount(path)


def _mount(*arguments: str | Path) -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount, and only Linux mounts so")
    english = os.environ | {"LC_ALL": "C"}
    done = subprocess.run(
        ["mount", *arguments], env=english, capture_output=True, text=True, check=False
    )
    if any(refusal in done.stderr.lower() for refusal in REFUSALS):
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


def _unmount(path: Path) -> None:
    # Lazily: a process under test may have its working directory there, which pytest deletes later.
    subprocess.run(["umount", "--lazy", path], check=True)
