"""A file that takes another's place in one step, or leaves it alone."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from sweep.atomic import sync_folder
from sweep.errors import StorageError, fault

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A scratch file beside ``out`` that takes its place if all goes well.

    Yields:
        Where to write; to be closed again by then.

    Raises:
        StorageError: if the disk refuses; what was there before is still there.
    """
    real = out.resolve()  # a link stays a link
    scratch = real.with_name(f".{real.name}.{os.getpid()}.part")
    try:
        yield scratch
        with scratch.open("rb+") as file:
            os.fsync(file.fileno())  # a rename must not reach the disk before the data
        scratch.replace(real)
        sync_folder(real.parent)
    except OSError as error:
        raise _told(out, error) from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


def _told(out: Path, error: OSError) -> StorageError:
    said = error.strerror or str(error)
    if error.errno in _FULL:
        rule, way_out = "be on a disk with room", "Free some space, or name a file elsewhere"
    else:
        rule, way_out = "be a file that can be written", "Check the path and your rights to it"
    return StorageError(fault("--out", rule, str(out), where=said, way_out=way_out))
