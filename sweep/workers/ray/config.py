"""Settings of a Ray cluster, and a quick check that it is reachable: Ray retries for minutes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sweep.errors import SweepError, UsageError, fault

GUARDED = "a cluster that asks for a token wants RAY_AUTH_MODE=token set here too"
"""Advice if a cluster refuses: with an explicit address Ray sends no token by default."""

REACH_SECONDS = 5.0
"""How long to wait for a connection to a cluster."""


def reach(address: str, worded: Callable[[str, str], str]) -> None:
    """Check that a server accepts a connection.

    Args:
        address: with or without a scheme; an address without a port is not checked.
        worded: makes the error message from the address and the system's message.

    Raises:
        SweepError: if the connection fails.
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
    """Where workers run, and what each needs.

    Attributes:
        address: of a running cluster (``auto``, ``ray://host:10001``); empty to start one on this
            machine.
        resources: what one worker takes: ``cpu``, ``gpu`` (a fraction shares one), ``memory`` in
            bytes, or any resource of the cluster's own.
    """

    address: str = ""
    resources: Mapping[str, float] | None = None

    def needs(self) -> dict[str, float]:
        """The resources of one worker, under Ray's names."""
        given = {"cpu": 1.0} | dict(self.resources or {})
        return {{"cpu": "CPU", "gpu": "GPU"}.get(name, name): n for name, n in given.items()}


def ray_is_missing(error: ImportError) -> UsageError:
    """The error to raise if Ray, or a part of it, cannot be imported."""
    rule, way_out = "be one that is installed", "pip install 'lorasweep[ray]'"
    return UsageError(fault("--launcher", rule, "ray", where=str(error), way_out=way_out))
