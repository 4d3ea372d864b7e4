"""Whether anybody answers at an address; Ray itself would try for minutes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sweep.errors import SweepError, UsageError, fault

GUARDED = "a cluster that asks for a token wants RAY_AUTH_MODE=token set here too"
"""What to do about a refusal: with an explicit address Ray sends no token unless it is told to."""

REACH_SECONDS = 5.0
"""In which a cluster must answer."""


def reach(address: str, worded: Callable[[str, str], str]) -> None:
    """Connect once.

    Args:
        address: with or without a scheme; one without a port is a name that Ray may know.
        worded: says, of the address and of what went wrong, that nobody is there.

    Raises:
        SweepError: if nobody answers.
    """
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port
        if host is None or port is None:
            return
        socket.create_connection((host, port), timeout=REACH_SECONDS).close()
    except (OSError, OverflowError, ValueError) as error:
        raise SweepError(worded(address, str(error))) from error


@dataclass(frozen=True)
class RayConfig:
    """Where the workers are.

    Attributes:
        address: of a running cluster (``auto``, ``ray://host:10001``); empty to start one on this
            machine.
        resources: what one worker takes: ``cpu``, ``gpu`` (a fraction shares one), ``memory`` in
            bytes, or any resource of the cluster's own.
    """

    address: str = ""
    resources: Mapping[str, float] | None = None

    def needs(self) -> dict[str, float]:
        """The same under Ray's names."""
        given = {"cpu": 1.0} | dict(self.resources or {})
        return {{"cpu": "CPU", "gpu": "GPU"}.get(name, name): n for name, n in given.items()}


def ray_is_missing(error: ImportError) -> UsageError:
    """What to say when Ray, or a part of it, cannot be imported."""
    rule, way_out = "be one that is installed", "pip install 'lorasweep[ray]'"
    return UsageError(fault("--launcher", rule, "ray", where=str(error), way_out=way_out))
