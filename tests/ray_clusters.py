"""A real Ray cluster on this machine, its nodes as processes."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent

ACTORS = "ray::WorkerActor"
"""In the command line of every actor's process."""


@contextlib.contextmanager
def nodes(*cpus: int | Mapping[str, Any], **head: Any) -> Iterator[str]:
    """Start one node per entry with so many CPUs to give away; the cluster's address.

    An entry may also be all that Ray is to know of a node.

    Their workers can import what stands in ``tests``.
    """
    from ray.cluster_utils import Cluster

    path = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(TESTS.parent), str(TESTS), path]))
    try:
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": cpus[0], "include_dashboard": False, **head},
        )
        try:
            for count in cpus[1:]:
                given = count if isinstance(count, Mapping) else {"num_cpus": count}
                cluster.add_node(**given)
            yield cluster.address
        finally:
            cluster.shutdown()
    finally:
        os.environ["PYTHONPATH"] = path


def cannot_hide() -> str:
    """Why no process may have a view of its own of the file system; empty if one may."""
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


@contextlib.contextmanager
def node_without(address: str, hidden: Path, home: Path, name: str) -> Iterator[None]:
    """One more node, whose processes find an empty folder where one of this machine's is.

    It has an address of its own, or drivers of this machine could take it for theirs.

    Args:
        address: the cluster's.
        hidden: the folder.
        home: where the node keeps its caches.
        name: of the one resource that it has to give away, two of it.
    """
    ray = shlex.quote(str(Path(sys.executable).with_name("ray")))
    mount = f"mount -t tmpfs none {shlex.quote(str(hidden))}"
    gives = shlex.quote(json.dumps({name: 2}))
    where = f"--address={address} --node-ip-address=127.0.0.2"
    start = f"{ray} start {where} --num-cpus=0 --resources={gives} --block"
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", f"{mount} && exec {start}"],
        env={**os.environ, "XDG_CACHE_HOME": str(home), "HF_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield  # what is started before it has joined waits
        finally:
            process.terminate()
            process.wait(30)
