"""A real Ray cluster on this machine, its nodes as processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def nodes(*cpus: int) -> Iterator[str]:
    """Start one node per entry with so many CPUs to give away; the cluster's address."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": cpus[0], "include_dashboard": False},
    )
    try:
        for count in cpus[1:]:
            cluster.add_node(num_cpus=count)
        yield cluster.address
    finally:
        cluster.shutdown()
