"""Optuna's journal: recognised, and with one writer at a time, which must hold the lease."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._storage import JournalOperation

from sweep.errors import StorageError, fault
from sweep.storage.errors import LOCK_SECONDS
from sweep.storage.owner import ATTRIBUTE
from sweep.storage.url import StorageUrl

log = logging.getLogger("lorasweep")

_POLL_SECONDS = 0.01

_MENTION = json.dumps(ATTRIBUTE).encode()

SQLITE = b"SQLite format 3\0"
"""The first bytes of an SQLite database."""

_OPERATIONS = frozenset(JournalOperation)


class Journal(JournalFileBackend):
    """Optuna's journal file behind a ``flock`` lock.

    Optuna's own lock expires after 30 s, so a process that was stopped while it held that lock
    would still write when it is continued. The kernel releases a ``flock`` only when the process
    ends.

    Args:
        path: the file; created if missing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._gate = path.with_name(f".{path.name}.write.claim")
        self._check: Callable[[Any], None] | None = None
        self._study_id = -1
        self._record: Any = None
        self._read = 0

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock; plain ``flock`` for speed, as it is taken a dozen times per trial."""
        gate = os.open(self._gate, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            deadline = time.monotonic() + LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        text = f"the lock {self._gate} could not be acquired"
                        raise TimeoutError(text) from None
                    time.sleep(_POLL_SECONDS)
            yield
        finally:
            os.close(gate)  # this releases the lock

    def mend(self, shown: str) -> None:
        """Complete or remove a last line that a crash or a full disk left incomplete.

        Optuna ignores an incomplete last line until another record follows, and then refuses the
        file.

        Args:
            shown: the file, for messages.
        """
        with self._alone(), self._path.open("rb+") as file:
            data = file.read()
            whole = data.rfind(b"\n") + 1
            if whole == len(data):
                return
            if is_record(data[whole:]):
                file.write(b"\n")
            else:
                file.truncate(whole)
                log.warning("%s ended in half a line, which is gone", shown)

    def watch(self, study_id: int, check: Callable[[Any], None] | None) -> None:
        """Check a study's owner record before each further write; None ends the checks.

        Args:
            study_id: Optuna's id of the study.
            check: called with the record; raises if nothing may be written.
        """
        self._check, self._study_id = check, study_id
        self._record, self._read = None, 0

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records to the journal.

        Raises:
            TimeoutError: if another process holds the lock for too long.
            HeldError: if another driver has taken the study over.
        """
        with self._alone():
            if self._check is not None:
                self._catch_up()
                self._check(self._record)
            super().append_logs(logs)

    def _catch_up(self) -> None:
        """Read the records added since the last call, for changes of the study's owner."""
        with self._path.open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                if _MENTION not in line:
                    continue
                record = json.loads(line)
                if (
                    record["op_code"] == JournalOperation.SET_STUDY_USER_ATTR
                    and record["study_id"] == self._study_id
                    and ATTRIBUTE in record["user_attr"]
                ):
                    self._record = record["user_attr"][ATTRIBUTE]


def recognise_journal(address: StorageUrl, path: Path) -> None:
    """Refuse a file that is not a journal of Optuna; its last line may be incomplete.

    Every line is checked, so that no other file that begins like a journal is changed.

    Raises:
        StorageError: naming the first line that is not a record.
        OSError: if it cannot be read.
    """
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        other = not file.peek(1).startswith(b"{")  # a large file may be a single line
        for number, line in enumerate([file.read(40)] if other else file, start=1):
            if is_record(line) or (number > 1 and not line.endswith(b"\n")):
                continue
            got = line[:40].decode(errors="replace")
            where, way_out = f"{address.shown}, line {number} is no record", "Name another file"
            if line.startswith(SQLITE):
                got, where = "a database of SQLite", address.shown
                way_out = "Write sqlite:/// before its path"
            elif number > 1:
                way_out = "Restore a copy, or name another file"
            rule = "be a journal of Optuna's"
            raise StorageError(fault("--storage", rule, got, where=where, way_out=way_out))


def is_record(line: bytes) -> bool:
    """Whether a line is one record of Optuna's journal."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    if not isinstance(record, dict) or not isinstance(record.get("worker_id"), str):
        return False
    code = record.get("op_code")
    return isinstance(code, int) and not isinstance(code, bool) and code in _OPERATIONS
