"""Who drives a study: one process at a time, so that nobody closes another's trials."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
import psutil

from sweep.errors import HeldError, fault

ATTRIBUTE = "owner"
"""The study attribute that holds the record."""

_TICK_SECONDS = 2.0
"""Two readings of one start time differ by this at most."""


@dataclass(frozen=True)
class DriverLease:
    """A driver process, named so that its death can be proved.

    Attributes:
        host: the machine's name.
        machine: its identity, as the operating system keeps it; empty where it has none.
        boot_id: of the machine's present run; empty where the system has none.
        namespace: the process numbers' namespace: a container counts its own processes.
        pid: the process.
        started: when it started, in seconds since the boot, whatever the clock says: a
            number is given to another process one day, with another start.
        since: when it took the study, seconds since the epoch.
    """

    host: str
    machine: str
    boot_id: str
    namespace: str
    pid: int
    started: float
    since: float

    @classmethod
    def myself(cls) -> DriverLease:
        """This process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> DriverLease:
        """A process of this machine that takes a study now."""
        return cls(
            host=socket.gethostname(),
            machine=_text("/etc/machine-id"),
            boot_id=_boot_id(),
            namespace=_namespace(),
            pid=pid,
            started=_started(pid),
            since=time.time(),
        )

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> DriverLease:
        """Read back what ``to_json`` wrote."""
        known = {"machine": "", "boot_id": "", "namespace": "", **tree}
        return cls(**{name: known[name] for name in cls.__dataclass_fields__})

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return asdict(self)

    def same_process(self, other: DriverLease) -> bool:
        """Whether both records name one process."""
        same_place = self._place() == other._place()
        return same_place and abs(self.started - other.started) < _TICK_SECONDS

    def _place(self) -> tuple[object, ...]:
        return (self.host, self.machine, self.boot_id, self.namespace, self.pid)

    def provably_dead(self) -> bool:
        """Whether the process is surely gone.

        Of another machine's processes, or another container's, nothing is known; and two
        machines may go by one name.
        """
        machine = _text("/etc/machine-id")
        if (self.host, self.machine) != (socket.gethostname(), machine):
            return False
        if self.boot_id != _boot_id():
            return bool(machine)  # this very machine has been restarted since
        if self.namespace != _namespace():
            return False
        try:
            started = _started(self.pid)
        except psutil.NoSuchProcess:
            return True
        return abs(started - self.started) >= _TICK_SECONDS

    def __str__(self) -> str:
        """For messages."""
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host} since {since}"


def _boot_id() -> str:
    """Linux's name for this run of the machine; elsewhere nothing, and start times decide."""
    return _text("/proc/sys/kernel/random/boot_id")


def _text(path: str) -> str:
    """A small file of the system's; empty where it has none."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> float:
    """When a process started, in seconds after the boot.

    Both figures are reckoned from the clock, so that a step of the clock cancels out.
    """
    process = psutil.Process(pid)
    if process.status() == psutil.STATUS_ZOMBIE:  # dead, only not yet buried by its parent
        raise psutil.NoSuchProcess(pid)
    return float(process.create_time()) - float(psutil.boot_time())


def current_lease(study: optuna.Study) -> DriverLease | None:
    """Who holds a study, dead or alive."""
    record = study.user_attrs.get(ATTRIBUTE)
    if not isinstance(record, Mapping) or not _is_record(record):
        return None
    return DriverLease.from_json(record)


def _is_record(tree: Mapping[str, Any]) -> bool:
    """Whether it is one of ours: a study of plain Optuna may call anything its owner."""
    numbers = (tree.get(name) for name in ("pid", "started", "since"))
    return isinstance(tree.get("host"), str) and all(isinstance(n, (int, float)) for n in numbers)


def acquire(study: optuna.Study, shown: str, *, take_over: bool = False) -> DriverLease:
    """Make this process the study's driver; to be called under the storage's lock.

    Args:
        study: the study.
        shown: its database, for messages.
        take_over: even if another process seems to drive it.

    Raises:
        HeldError: if another process drives it, or may do so on another machine.
    """
    me = DriverLease.myself()
    other = current_lease(study)
    if other is not None and not (other.same_process(me) or other.provably_dead() or take_over):
        raise HeldError(
            fault(
                f"study {study.study_name!r}",
                "have one driver at a time",
                str(other),
                where=shown,
                way_out="Wait for it or stop it; if it is surely gone, add --take-over",
            )
        )
    study.set_user_attr(ATTRIBUTE, me.to_json())
    return me


def taken_over(name: str, record: object, shown: str) -> HeldError:
    """What a driver is told that finds another one's record, or none, in its study.

    Args:
        name: the study.
        record: the owner's, as it is in the study now.
        shown: the database, for messages.
    """
    now = str(DriverLease.from_json(record)) if isinstance(record, Mapping) else "nobody"
    return HeldError(
        fault(
            f"study {name!r}",
            "be driven by this process",
            now,
            where=shown,
            way_out="It was taken over; this process has stopped, and nothing is lost",
        )
    )


def is_held(study: optuna.Study, me: DriverLease) -> bool:
    """Whether nobody has taken the study over."""
    now = current_lease(study)
    return now is not None and now.same_process(me) and now.since == me.since


def release(study: optuna.Study, me: DriverLease) -> None:
    """Give the study up, unless somebody took it over meanwhile."""
    if is_held(study, me):
        study.set_user_attr(ATTRIBUTE, None)
