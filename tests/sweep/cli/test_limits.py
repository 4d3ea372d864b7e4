"""An end of memory or of open files is one sentence."""

from __future__ import annotations

import errno
import os

import pytest

from sweep.cli.limits import limits_told
from sweep.errors import StorageError, SweepError
from sweep.storage import Address, storage_errors
from sweep.storage.words import told


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "this machine must have memory left, got 'none'"),
        (MemoryError("Unable to allocate 9 GiB"), "got 'Unable to allocate 9 GiB'"),
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "limit of open files.*ulimit -n"),
        (OSError(errno.ENFILE, os.strerror(errno.ENFILE)), "limit of open files.*ulimit -n"),
    ],
)
def test_what_the_system_has_no_more_of_is_said(error: BaseException, said: str) -> None:
    """With the way out."""
    with pytest.raises(SweepError, match=said), limits_told():
        raise error


def test_other_errors_stay_what_they_are() -> None:
    """They are faults of ours, or have words of their own."""
    with pytest.raises(FileNotFoundError), limits_told():
        raise FileNotFoundError(errno.ENOENT, "gone")


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        (
            "postgresql://u@h/d",
            "cannot execute INSERT in a read-only transaction",
            "a server that can be written.*name the primary server",
        ),
        ("postgresql://u@h/d", "permission denied for table studies", "let you write"),
        ("postgresql://u@h/d", "password authentication failed", "let you in"),
        ("sqlite:///s.db", "attempt to write a readonly database", "a file that can be written"),
        ("sqlite:///s.db", "unable to open database file", "a file that can be written"),
        ("sqlite:///s.db", "[Errno 24] Too many open files", "limits of the system.*ulimit -n"),
        ("journal:///s.log", "The file lock 'x' could not be acquired.", "free for writing"),
    ],
)
def test_the_advice_fits_the_kind_of_database(url: str, error: str, said: str) -> None:
    """A server is no file: nobody can check its path."""
    message = str(told(Address.parse(url), OSError(error)))
    with pytest.raises(StorageError, match=said), storage_errors(Address.parse(url)):
        raise OSError(error)

    assert "\n" not in message
