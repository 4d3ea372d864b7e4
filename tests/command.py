"""The installed command, as a person or a script runs it."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("lorasweep"))
PATIENCE_SECONDS = 250


def lorasweep(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it in ``folder`` and wait.

    It has a process of its own, forked from one that imported the framework: a fresh interpreter
    takes seconds to do so. Start ``PROGRAM`` where a test is about that.

    Args:
        folder: the working directory.
        arguments: the command line.
        env: the environment, if not this process'.
    """
    environment = dict(os.environ if env is None else env)
    command = [PROGRAM, *arguments]
    with tempfile.TemporaryDirectory() as kept:
        out, err = Path(kept) / "out", Path(kept) / "err"
        out.touch()
        err.touch()
        code = _parent(_of_python(environment)).run(
            {
                "argv": command,
                "cwd": str(folder),
                "env": environment,
                "out": str(out),
                "err": str(err),
            }
        )
        output = [path.read_text(encoding="utf-8") for path in (out, err)]
    return subprocess.CompletedProcess(command, code, *output)


class _Parent:
    """The process that forks, see ``forked``; one for each environment of Python's own."""

    def __init__(self, python: frozenset[tuple[str, str]]) -> None:
        script = str(Path(__file__).with_name("forked.py"))
        pipe = subprocess.PIPE
        # Its stderr is not the test's, which is closed and deleted with it.
        self.process = subprocess.Popen(
            [sys.executable, script],
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            env={n: v for n, v in os.environ.items() if not n.startswith("PYTHON")} | dict(python),
        )
        atexit.register(self.end)

    def run(self, request: dict[str, object]) -> int:
        """A command's exit code, negative for a signal."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        child = self._answer()
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], PATIENCE_SECONDS)[0]:
            os.kill(child, signal.SIGKILL)
            self._answer()
            raise subprocess.TimeoutExpired(str(request["argv"]), PATIENCE_SECONDS)
        return self._answer()

    def end(self) -> None:
        """It ends when nothing more can be asked."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> int:
        assert self.process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):  # byte by byte: select sees what no buffer holds
            byte = os.read(self.process.stdout.fileno(), 1)
            assert byte, "the process that forks commands ended"
            line += byte
        return int(line)


@cache
def _parent(python: frozenset[tuple[str, str]]) -> _Parent:
    return _Parent(python)


def _of_python(environment: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """What an interpreter reads as it starts, but for the path, which a child puts in place."""
    python = ((n, v) for n, v in environment.items() if n.startswith("PYTHON"))
    return frozenset((n, v) for n, v in python if n != "PYTHONPATH")
