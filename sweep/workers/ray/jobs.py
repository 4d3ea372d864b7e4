"""Run a command as a Ray job: it runs on the head node and needs no open connection."""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ray.exceptions import RayError
from ray.job_submission import JobSubmissionClient

from sweep.errors import SweepError, fault
from sweep.workers.ray.config import GUARDED, reach

AGENT_SECONDS = 60.0
"""How long to wait until a cluster just started accepts jobs."""

NOT_YET = "No available agent"
"""Words of Ray's error until then."""


@dataclass(frozen=True)
class Job:
    """A submitted job.

    Attributes:
        number: Ray's name for it.
        address: of the server that accepted it.
    """

    number: str
    address: str


def submit(address: str, command: Sequence[str], files: Mapping[str, bytes]) -> Job:
    """Submit a command to a cluster's job server.

    Args:
        address: of the cluster or of its dashboard; empty for the one on this machine.
        command: program and arguments, with paths on the head node.
        files: contents of its working directory, by relative path.

    Raises:
        SweepError: if there is no such server, or it does not accept the job.
    """
    reach(address, _no_server)
    with tempfile.TemporaryDirectory(prefix="lorasweep-") as folder:
        for name, data in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        try:
            client = JobSubmissionClient(address or "auto")
            environment = {"working_dir": folder} if files else {}
            number = _patiently(
                lambda: client.submit_job(entrypoint=shlex.join(command), runtime_env=environment)
            )
        except (ConnectionError, RuntimeError, ValueError, OSError, ImportError, RayError) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise SweepError(_no_server(address, said)) from error
    return Job(number, client.get_address())


def _patiently(submit_job: Callable[[], str]) -> str:
    """Submit, and retry while no node has a running agent: a new cluster answers before that."""
    deadline = time.monotonic() + AGENT_SECONDS
    while True:
        try:
            return submit_job()
        except RuntimeError as error:
            if NOT_YET not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(1)


def _no_server(address: str, said: str) -> str:
    rule = "be the address of a Ray cluster that takes jobs"
    start = "Start one, ray start --head --include-dashboard=true, or give its http://HOST:8265"
    way_out = f"{start}; {GUARDED}"
    return fault("--ray-address", rule, address or "auto", where=said, way_out=way_out)
