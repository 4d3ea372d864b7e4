"""One cluster for all tests that do not kill its nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ray_clusters import nodes

from sweep.workers.ray.config import RayConfig


@pytest.fixture(scope="session")
def cluster() -> Iterator[RayConfig]:
    """Two nodes of two CPUs each."""
    with nodes(2, 2) as address:
        yield RayConfig(address)
