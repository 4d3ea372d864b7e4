"""Worker processes, and the simulated workers of the benchmarks, keep the contract of pools."""

from __future__ import annotations

from pool_contract import SPEC, STEPS, PoolContract, RealPoolContract

from benchmarks.cluster.simulated import Load, SimulatedLauncher
from sweep.workers.local import LocalLauncher
from sweep.workers.pool import Pool


class TestLocalPool(RealPoolContract):
    """Processes of this machine."""

    def make(self, workers: int, lanes: int) -> Pool:
        """Its own processes."""
        return LocalLauncher(SPEC, workers, lanes)


class TestSimulatedPool(PoolContract):
    """Workers that only wait."""

    def make(self, workers: int, lanes: int) -> Pool:
        """A clock of its own."""
        return SimulatedLauncher(SPEC, Load(10.0, STEPS), workers, lanes)
