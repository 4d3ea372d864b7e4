"""A journal that drivers write: one writer at a time, and none that was taken over."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._storage import JournalOperation

from sweep.owner import ATTRIBUTE
from sweep.storage.recognise import is_record

log = logging.getLogger("lorasweep")

WAIT_SECONDS = 60
"""How long to wait for another writer, as for SQLite's lock."""

_MENTION = json.dumps(ATTRIBUTE).encode()


class Journal(JournalFileBackend):
    """Optuna's journal file behind a lock that the kernel keeps.

    Optuna's own lock is broken by others after 30 s, so that a process stopped while it holds
    that lock would still write when it is continued. The kernel's lock goes with the process.

    Args:
        path: the file; made if missing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        gate = path.with_name(f".{path.name}.write.claim")
        self._gate = filelock.FileLock(gate, timeout=WAIT_SECONDS)
        self._check: Callable[[Any], None] | None = None
        self._study_id = -1
        self._record: Any = None
        self._read = 0

    def mend(self, shown: str) -> None:
        """Have the file end with a whole record, whatever a full disk or a crash left.

        Optuna skips half a line until another follows it, and refuses the whole file then.

        Args:
            shown: the file, for messages.
        """
        with self._gate, self._path.open("rb+") as file:
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
        """Check a study's owner record before each further write; None ends that.

        Args:
            study_id: the study.
            check: is given the record, and raises where nothing may be written.
        """
        self._check, self._study_id = check, study_id
        self._record, self._read = None, 0

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write records at the end.

        Raises:
            TimeoutError: if another process holds the lock for too long.
        """
        with self._gate:
            if self._check is not None:
                self._catch_up()
                self._check(self._record)
            super().append_logs(logs)

    def _catch_up(self) -> None:
        """Read what was added since the last time, and what it says of the study's owner."""
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
