"""One worker process as the driver sees it: its pipes, the trials it has, how it ended."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from multiprocessing.connection import Connection

from sweep.interrupts import held_back
from sweep.launch.worker import work
from sweep.spec import StudySpec
from sweep.trial import WORKER_DIED, Failure, Pack, TrialParams


class WorkerProcess:
    """One process and the trials it has.

    Attributes:
        busy: whether a pack is under way; its last trial may have settled already.
        trials: the trials of the pack that are not over, by number.
        closed: whether no trial is to follow into the pack.
    """

    def __init__(self, spec: StudySpec) -> None:
        context = multiprocessing.get_context("spawn")  # fork would copy a half-used torch
        self.pipe: Connection
        self.pipe, theirs = context.Pipe()
        heard, self._call = context.Pipe(duplex=False)
        self.process = context.Process(
            target=work,
            args=(theirs, heard, spec.objective, dict(spec.settings), dict(spec.inputs)),
            daemon=True,
        )
        with held_back():
            self.process.start()
        theirs.close()  # so that its death reads as end of file here
        heard.close()
        self.busy = False
        self.trials: dict[int, TrialParams] = {}
        self.closed = False

    def start(self, pack: Pack, *, closed: bool) -> None:
        """Have it compute a pack."""
        self.busy, self.closed = True, closed
        self.trials = {params.number: params for params in pack}
        self.say(("run", pack))

    def follow(self, params: TrialParams | None) -> None:
        """Answer a trial that settled with the one in its place."""
        if params is not None:
            self.trials[params.number] = params
        self.say(params)

    def say(self, message: object) -> None:
        """Send it something; of one that died meanwhile, the next event will tell."""
        with contextlib.suppress(OSError):
            self.pipe.send(message)

    def call_away(self) -> None:
        """Ask its trials to leave; it is not used again."""
        with contextlib.suppress(OSError):
            self._call.send(None)

    def hang_up(self) -> None:
        """Close both pipes; an idle worker reads the end of file and leaves by itself."""
        self.pipe.close()
        self._call.close()

    def death_notice(self) -> Failure:
        """Why the process is gone, as far as its exit code tells."""
        code = self.exit_code()
        if code is not None and code < 0:
            how = f"killed by {signal.Signals(-code).name}"
            hint = "; the kernel does so when memory runs out" if self.was_killed() else ""
        else:
            how, hint = f"exit code {code}", ""
        return Failure(WORKER_DIED, "WorkerDied", f"the worker process ended: {how}{hint}")

    def was_killed(self) -> bool:
        """Whether it ended as the kernel ends who has too much memory."""
        return self.exit_code() == -signal.SIGKILL

    def exit_code(self) -> int | None:
        """How the process ended, which is about to."""
        self.process.join(timeout=10)
        return self.process.exitcode
