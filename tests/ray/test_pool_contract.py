"""Pools of Ray actors satisfy the pool contract."""

from __future__ import annotations

import pytest
from pool_contract import SPEC, RealPoolContract

from sweep.workers.pool import Pool
from sweep.workers.ray.config import RayConfig

pytest.importorskip("ray", reason="Ray is not installed (lorasweep[ray])")
pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
]


class TestRayPool(RealPoolContract):
    """Two nodes of two workers each."""

    @pytest.fixture(autouse=True)
    def on(self, cluster: RayConfig) -> None:
        """The cluster of these tests."""
        self.cluster = cluster

    def make(self, workers: int, lanes: int) -> Pool:
        """A pool of actors on it."""
        from sweep.workers.ray.pool import RayLauncher

        return RayLauncher(SPEC, self.cluster, workers, lanes)
