"""Where a sweep's workers are, when they are not on this machine alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sweep.errors import UsageError, fault


@dataclass(frozen=True)
class Cluster:
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
