"""Messages of databases, with fitting advice."""

from __future__ import annotations

import pytest

from sweep.errors import StorageError
from sweep.storage.errors import as_storage_error, storage_errors
from sweep.storage.url import StorageUrl


@pytest.mark.parametrize(
    ("url", "error", "expected"),
    [
        (
            "postgresql://u@h/d",
            "cannot execute INSERT in a read-only transaction",
            "a server that can be written.*name the primary server",
        ),
        (
            "postgresql://u@h/d",
            "cannot execute nextval() during recovery",
            "a server that can be written.*name the primary server",
        ),
        (
            "postgresql://u@h/d",
            "canceling statement due to conflict with recovery",
            "a database that opens.*in a moment",
        ),
        (
            "postgresql://u@h/d",
            "FATAL:  the database system is in recovery mode",
            "a database that opens.*in a moment",
        ),
        ("postgresql://u@h/d", "permission denied for table studies", "let you write"),
        ("postgresql://u@h/d", "password authentication failed", "let you in"),
        ("sqlite:///s.db", "attempt to write a readonly database", "a file that can be written"),
        ("sqlite:///s.db", "unable to open database file", "a file that can be written"),
        ("sqlite:///s.db", "[Errno 24] Too many open files", "limits of the system.*ulimit -n"),
        ("journal:///s.log", "The file lock 'x' could not be acquired.", "free for writing"),
    ],
)
def test_the_advice_fits_the_kind_of_database(url: str, error: str, expected: str) -> None:
    """A server has no file whose path could be checked."""
    message = str(as_storage_error(StorageUrl.parse(url), OSError(error)))
    with pytest.raises(StorageError, match=expected), storage_errors(StorageUrl.parse(url)):
        raise OSError(error)

    assert "\n" not in message
