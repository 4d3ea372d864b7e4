"""The driver lease of a study: one driver process at a time."""

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
"""The study attribute that holds the lease."""

_TICK_SECONDS = 2.0
"""Two readings of the same start time differ by less than this."""


@dataclass(frozen=True)
class DriverLease:
    """Identifies a driver process, so that its death can be detected.

    Attributes:
        host: the machine's name.
        machine: its ``/etc/machine-id``; empty where the system has none.
        boot_id: identifies the machine's current boot; empty where the system has none.
        namespace: the namespace of process ids, since each container has its own.
        pid: the process id.
        started: start time in seconds since boot, independent of clock changes. It
            distinguishes the process from a later one with the same process id.
        since: when it acquired the study, in seconds since the epoch.
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
        """The record of this process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> DriverLease:
        """The record of a process of this machine, acquired now."""
        place = socket.gethostname(), _machine(), _boot_id(), _namespace()
        return cls(*place, pid, _started(pid), time.time())

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> DriverLease:
        """Read back what ``to_json`` wrote."""
        known = {"machine": "", "boot_id": "", "namespace": "", **tree}
        return cls(**{name: known[name] for name in cls.__dataclass_fields__})

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON tree."""
        return asdict(self)

    def same_process(self, other: DriverLease) -> bool:
        """Whether both records name the same process."""
        same_place = self._place() == other._place()
        return same_place and abs(self.started - other.started) < _TICK_SECONDS

    def _place(self) -> tuple[object, ...]:
        return (self.host, self.machine, self.boot_id, self.namespace, self.pid)

    def provably_dead(self) -> bool:
        """Whether the process has ended; False if it is of another machine or container."""
        machine = _machine()  # two machines may have the same name
        if (self.host, self.machine) != (socket.gethostname(), machine):
            return False
        if self.boot_id != _boot_id():
            return bool(machine)  # this machine has been rebooted since
        if self.namespace != _namespace():
            return False
        try:
            started = _started(self.pid)
        except psutil.NoSuchProcess:
            return True
        return abs(started - self.started) >= _TICK_SECONDS

    def __str__(self) -> str:
        """The process, its machine and the time of acquisition, for messages."""
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host} since {since}"


def _machine() -> str:
    return _text("/etc/machine-id")


def _boot_id() -> str:
    """Linux's id of the current boot; elsewhere empty, and start times decide."""
    return _text("/proc/sys/kernel/random/boot_id")


def _text(path: str) -> str:
    """The content of a small system file; empty if there is none."""
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
    """The start time of a process in seconds after boot, in which a clock change cancels out."""
    process = psutil.Process(pid)
    if process.status() == psutil.STATUS_ZOMBIE:  # dead, but not yet reaped by its parent
        raise psutil.NoSuchProcess(pid)
    return float(process.create_time()) - float(psutil.boot_time())


def current_lease(study: optuna.Study) -> DriverLease | None:
    """The lease of a study, whether or not its process is alive; None if there is none."""
    record = study.user_attrs.get(ATTRIBUTE)
    if not isinstance(record, Mapping) or not isinstance(record.get("host"), str):
        return None  # plain Optuna studies may use the attribute for anything
    numbers = [record.get(name) for name in ("pid", "started", "since")]
    whole = all(isinstance(number, (int, float)) for number in numbers)
    return DriverLease.from_json(record) if whole else None


def acquire(study: optuna.Study, shown: str, *, take_over: bool = False) -> DriverLease:
    """Make this process the study's driver; call while holding the storage's lock.

    Args:
        study: the study.
        shown: its database, for messages.
        take_over: replace a driver that may still be running.

    Returns:
        This process's lease.

    Raises:
        HeldError: if another process drives it, or may do so on another machine.
    """
    me = DriverLease.myself()
    other = current_lease(study)
    if other is not None and not (other.same_process(me) or other.provably_dead() or take_over):
        name, rule = f"study {study.study_name!r}", "have one driver at a time"
        way_out = "Wait for it or stop it; if it is surely gone, add --take-over"
        raise HeldError(fault(name, rule, str(other), where=shown, way_out=way_out))
    study.set_user_attr(ATTRIBUTE, me.to_json())
    return me


def taken_over(name: str, record: object, shown: str) -> HeldError:
    """The error for a driver that finds another lease, or none, in its study.

    Args:
        name: the study.
        record: the lease stored in the study now.
        shown: the database, for messages.
    """
    now = str(DriverLease.from_json(record)) if isinstance(record, Mapping) else "nobody"
    rule = "be driven by this process"
    way_out = "It was taken over; this process has stopped, and nothing is lost"
    return HeldError(fault(f"study {name!r}", rule, now, where=shown, way_out=way_out))


def is_held(study: optuna.Study, me: DriverLease) -> bool:
    """Whether this process still holds the study's lease."""
    now = current_lease(study)
    return now is not None and now.same_process(me) and now.since == me.since


def release(study: optuna.Study, me: DriverLease) -> None:
    """Release the lease, unless another driver has taken the study over."""
    if is_held(study, me):
        study.set_user_attr(ATTRIBUTE, None)
