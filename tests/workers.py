"""Worker processes of objectives that need torch, forked from one that has imported it.

A fresh interpreter takes 10 s to import torch, transformers and PEFT. Workers of other objectives
and those of slow tests are fresh interpreters, as in the product.
"""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing import context, forkserver
from multiprocessing.reduction import DupFd
from types import SimpleNamespace
from typing import Any

from sweep.workers import local

HEAVY = "objectives.binding.objective"


class Forked(context.ForkServerProcess):
    """A process that has this one's environment and streams, as a spawned one would."""

    def __getstate__(self) -> dict[str, Any]:
        """What the child is told, at the moment it starts."""
        return {**self.__dict__, "_given": (dict(os.environ), DupFd(1), DupFd(2))}

    def run(self) -> None:
        """Take the environment and streams, then do the work."""
        environment, *streams = self._given
        os.environ.clear()
        os.environ.update(environment)
        for number, stream in enumerate(streams, 1):
            os.dup2(stream.detach(), number)
        super().run()


class Context(context.SpawnContext):
    """Spawns, but forks what would import torch."""

    def Process(self, **how: Any) -> Any:  # noqa: N802 - multiprocessing's name
        """A worker; its arguments name the objective."""
        if not any(str(given).startswith(HEAVY) for given in how["args"]):
            return context.SpawnProcess(**how)
        forkserver.set_forkserver_preload([HEAVY])
        return Forked(**how)


def fork_them(*, really: bool) -> None:
    """Have workers started so from now on, or as the product starts them."""
    shim = SimpleNamespace(get_context=lambda _: Context())
    local.multiprocessing = shim if really else multiprocessing  # type: ignore[attr-defined]
