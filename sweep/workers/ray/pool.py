"""Workers on a Ray cluster, one actor each, with the messages of worker processes."""

from __future__ import annotations

import logging
import math
import signal
from collections.abc import Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import RayError

from sweep.errors import SweepError, fault
from sweep.study.spec import StudySpec
from sweep.workers.handle import WorkerHandle
from sweep.workers.pool import Pool
from sweep.workers.ray.config import GUARDED, RayConfig, reach
from sweep.workers.ray.handle import NO_PLACE, RayWorker
from sweep.workers.ray.inputs import InputStore

PATIENCE_SECONDS = 20.0
"""How long to wait for an actor to start while an idle one could run its pack."""


class RayLauncher(Pool):
    """Runs packs in Ray actors.

    Args:
        spec: names the objective, its settings and inputs; nodes that lack these get copies.
        cluster: the cluster and the resources of a worker.
        workers: number of actors; they start when first needed.
        lanes: how many trials one actor runs together.

    Raises:
        SweepError: if there is no such cluster, or an input cannot be read.
    """

    differ = True

    def __init__(
        self, spec: StudySpec, cluster: RayConfig, workers: int = 1, lanes: int = 1
    ) -> None:
        super().__init__(spec, workers, lanes)
        self._needs = cluster.needs()
        self._store = InputStore(spec.inputs)
        self._mine = not ray.is_initialized()
        if self._mine:
            _join(cluster)

    def start_worker(self) -> RayWorker:
        """Request an actor from Ray, which starts it when resources are free."""
        return RayWorker(self.spec, self._needs, self._store)

    def ready(self, workers: Sequence[WorkerHandle], timeout_seconds: float) -> WorkerHandle | None:
        """A worker that has a message for the driver or has died; None if there is none."""
        ours = _actors(workers)
        waiting = {worker.next: worker for worker in ours}
        if not waiting:
            return None
        found, _ = ray.wait(list(waiting), num_returns=1, timeout=timeout_seconds)
        if found:
            worker = waiting[found[0]]
            return worker if worker.has_news() else None
        return self._homeless(ours)

    def _homeless(self, workers: Sequence[RayWorker]) -> RayWorker | None:
        """A worker that Ray cannot place: the cluster is full, or an idle actor has its room."""
        idle = any(not w.busy and w.alive() and w.up() for w in _actors(self._pool))
        patience = 0.0 if self.free() < 0 else PATIENCE_SECONDS if idle else math.inf
        late = (w for w in reversed(workers) if w.age() > patience and not w.up())
        found = next(late, None)
        if found is not None:
            found.give_up(NO_PLACE)
        return found

    def free(self) -> int:
        """Workers without a pack that the cluster's live nodes have room for."""
        return min(super().free(), self.capacity(0) - sum(worker.busy for worker in self._pool))

    def capacity(self, advised: int) -> int:
        """As many workers as the cluster's live nodes hold now; at least one."""
        del advised
        known: Any = ray.nodes  # untyped
        nodes = [node["Resources"] for node in known() if node["Alive"]]
        return max(1, sum(_fit(node, self._needs) for node in nodes))

    def close(self) -> None:
        """End all actors, and disconnect from the cluster if this launcher connected."""
        super().close()
        if self._mine and ray.is_initialized():
            ray.shutdown()
            self._mine = False


def _join(cluster: RayConfig) -> None:
    """Connect to the cluster, or start one here; the driver's signal handlers are kept."""
    reach(cluster.address, _no_cluster)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        ray.init(
            address=cluster.address or "local",
            log_to_driver=False,
            include_dashboard=False if not cluster.address else None,
            logging_level=logging.WARNING,
        )
    except (ConnectionError, ValueError, RuntimeError, OSError, RayError) as error:
        said = str(error).splitlines()[0][:200]
        raise SweepError(_no_cluster(cluster.address, said)) from error
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


def _no_cluster(address: str, said: str) -> str:
    rule = "be the address of a running Ray cluster"
    way_out = f"Start one: ray start --head; {GUARDED}"
    return fault("--ray-address", rule, address, where=said, way_out=way_out)


def _actors(workers: Sequence[WorkerHandle]) -> list[RayWorker]:
    return [worker for worker in workers if isinstance(worker, RayWorker)]


def _fit(node: Mapping[str, float], needs: Mapping[str, float]) -> int:
    """How many workers fit on a node; one if a worker needs no resources."""
    shares = [node.get(name, 0.0) / n for name, n in needs.items() if n > 0]
    return int(min(shares, default=1.0))
