"""Worker processes, and the benchmarks' simulated workers, satisfy the pool contract."""

from __future__ import annotations

from pool_contract import SPEC, STEPS, PoolContract, RealPoolContract

from benchmarks.cluster.simulated import Load, SimulatedLauncher
from sweep.workers.local import LocalLauncher
from sweep.workers.pool import Pool


class TestLocalPool(RealPoolContract):
    """Worker processes on this machine."""

    def make(self, workers: int, lanes: int) -> Pool:
        """A pool of worker processes."""
        return LocalLauncher(SPEC, workers, lanes)


class TestSimulatedPool(PoolContract):
    """Workers that only wait."""

    def make(self, workers: int, lanes: int) -> Pool:
        """A pool with its own clock."""
        return SimulatedLauncher(SPEC, Load(10.0, STEPS), workers, lanes)
