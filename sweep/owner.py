"""Who drives a study: one process at a time, so that nobody closes another's trials."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import optuna
import psutil

from sweep.errors import StorageError, fault

_CLOCK_TOLERANCE_SECONDS = 2.0
"""Start times are read from the kernel's clock ticks; two readings differ by this at most."""


@dataclass(frozen=True)
class Owner:
    """A driver process, named so that its death can be proved.

    Attributes:
        host: the machine's name.
        pid: the process on that machine.
        started: when the process started, in seconds since the epoch: a pid is
            reused, a pid with its start time is not.
        since: when it took the study.
    """

    host: str
    pid: int
    started: float
    since: float

    @classmethod
    def myself(cls) -> Owner:
        """This process."""
        started = psutil.Process().create_time()
        return cls(socket.gethostname(), os.getpid(), started, time.time())

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Owner:
        """Read back what ``to_json`` wrote."""
        return cls(**tree)

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return asdict(self)

    def same_process(self, other: Owner) -> bool:
        """Whether both records name one process."""
        return (self.host, self.pid) == (other.host, other.pid) and abs(
            self.started - other.started
        ) < _CLOCK_TOLERANCE_SECONDS

    def provably_dead(self) -> bool:
        """Whether the process is gone. Of another machine's processes nothing is known."""
        if self.host != socket.gethostname():
            return False
        try:
            started = float(psutil.Process(self.pid).create_time())
        except psutil.NoSuchProcess:
            return True
        return abs(started - self.started) >= _CLOCK_TOLERANCE_SECONDS

    def __str__(self) -> str:
        """For messages."""
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host} since {since}"


def claim(study: optuna.Study, url: str, *, take_over: bool = False) -> Owner:
    """Make this process the study's driver.

    Raises:
        StorageError: if another process drives it, or may do so on another machine.
    """
    me = Owner.myself()
    holder = study.user_attrs.get("owner")
    if holder is not None:
        other = Owner.from_json(holder)
        if not (other.same_process(me) or other.provably_dead() or take_over):
            raise StorageError(
                fault(
                    f"study {study.study_name!r}",
                    "have one driver at a time",
                    str(other),
                    where=url,
                    way_out="Wait for it or stop it; if it is surely gone, add --take-over",
                )
            )
    study.set_user_attr("owner", me.to_json())
    return me


def release(study: optuna.Study, me: Owner) -> None:
    """Give the study up, unless somebody took it over meanwhile."""
    holder = study.user_attrs.get("owner")
    if holder is not None and Owner.from_json(holder).same_process(me):
        study.set_user_attr("owner", None)
