"""A real Ray cluster on this machine, with its nodes as processes."""

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
"""Part of the command line of every actor's process."""


@contextlib.contextmanager
def nodes(*cpus: int | Mapping[str, Any], **head: Any) -> Iterator[str]:
    """Start one node per entry with this many CPUs; returns the cluster's address.

    An entry may also be a dictionary of Ray's node arguments.

    Their workers can import the modules in ``tests``.
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
    """The reason why mount namespaces are not allowed here; empty if they are."""
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


@contextlib.contextmanager
def node_without(address: str, hidden: Path, home: Path, name: str) -> Iterator[None]:
    """A node whose processes find an empty folder in place of one of this machine's.

    It has its own IP address; otherwise drivers on this machine might take it for their own node.

    Args:
        address: the cluster's address.
        hidden: the folder that it sees empty.
        home: the node's folder of caches.
        name: its only resource, in quantity two.
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
            yield  # Ray holds back actors until the node has joined
        finally:
            process.terminate()
            process.wait(30)
