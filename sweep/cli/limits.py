"""What the system has no more of, in one sentence with the way out."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from sweep.errors import SweepError, fault


@contextlib.contextmanager
def limits_told() -> Iterator[None]:
    """Turn an end of memory or of open files into an error that people see.

    Raises:
        SweepError: in place of the body's exception.
    """
    try:
        yield
    except MemoryError as error:
        way_out = "Give fewer --workers or a smaller --pack, or free some memory"
        said = " ".join(str(error).split()) or "none"
        raise SweepError(
            fault("this machine", "have memory left", said, way_out=way_out)
        ) from error
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        way_out = "Raise it (ulimit -n), or give fewer --workers"
        rule = "do within the limit of open files"
        raise SweepError(fault("this process", rule, str(error), way_out=way_out)) from error
