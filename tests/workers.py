"""Worker processes forked from a process that has imported their libraries.

A fresh interpreter takes 10 s to import torch, transformers and PEFT, and 1 s for NumPy and
lorasweep itself. Workers of slow tests, and of commands that a test starts as ``PROGRAM``, are
fresh interpreters, as in the product.
"""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing import context, forkserver, popen_forkserver
from multiprocessing.reduction import DupFd
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweep.workers import local

HEAVY = "objectives.binding.objective"
TESTS = str(Path(__file__).parent)
LIGHT = ("pytest", "objectives.synthetic", "sweep.cli", "sweep.workers.worker")


class Server(forkserver.ForkServer):  # type: ignore[misc]
    """The process that forks workers, also for forked children of its parent."""

    def __init__(self, *modules: str) -> None:
        super().__init__()
        self.set_forkserver_preload([__name__, *modules])
        self.starter = 0

    def ensure_running(self) -> None:
        """Start it once; a child cannot wait for its parent's child, and need not."""
        if self.starter and self.starter != os.getpid():
            return
        self.starter = os.getpid()
        # A command imports nothing from the tests, but its workers use this module.
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", TESTS, prepend=os.pathsep)
            super().ensure_running()


SERVERS = {True: Server(HEAVY), False: Server(*LIGHT)}


class Forked(context.ForkServerProcess):
    """A process with the parent's environment and streams, like a spawned one."""

    @staticmethod
    def _Popen(process: Any) -> Any:  # noqa: N802 - multiprocessing's name
        server = SERVERS[any(str(given).startswith(HEAVY) for given in process._args)]
        forkserver.connect_to_new_process = server.connect_to_new_process  # type: ignore[assignment]
        return popen_forkserver.Popen(process)

    def __getstate__(self) -> dict[str, Any]:
        """The state sent to the child when it starts."""
        return {**self.__dict__, "_given": (dict(os.environ), DupFd(1), DupFd(2))}

    def run(self) -> None:
        """Set the environment and streams, then run."""
        environment, *streams = self._given
        os.environ.clear()
        os.environ.update(environment)
        for number, stream in enumerate(streams, 1):
            os.dup2(stream.detach(), number)
        super().run()


class Context(context.SpawnContext):
    """A multiprocessing context that forks where the product would spawn."""

    Process = Forked  # type: ignore[assignment]


def fork_them(*, really: bool) -> None:
    """Start workers by forking from now on, or as the product does."""
    shim = SimpleNamespace(get_context=lambda _: Context())
    local.multiprocessing = shim if really else multiprocessing  # type: ignore[attr-defined]
