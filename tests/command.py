"""Runs the installed command in a process, as a user or a script does."""

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
    """Run the command in ``folder`` and wait.

    The process is forked from one that has imported the framework, since a fresh interpreter needs
    seconds for that. Tests of the interpreter's start run ``PROGRAM``.

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
    """The process that forks, see ``forked``; one for each Python environment."""

    def __init__(self, python: frozenset[tuple[str, str]]) -> None:
        script = str(Path(__file__).with_name("forked.py"))
        pipe = subprocess.PIPE
        # Its stderr is not the test's, which pytest closes and deletes.
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
        """Close the request pipe, at which the process ends."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> int:
        assert self.process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):  # byte by byte: select does not see data in a buffer
            byte = os.read(self.process.stdout.fileno(), 1)
            assert byte, "the process that forks commands ended"
            line += byte
        return int(line)


@cache
def _parent(python: frozenset[tuple[str, str]]) -> _Parent:
    return _Parent(python)


def _of_python(environment: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """The environment variables that Python reads at its start, except its path."""
    python = ((n, v) for n, v in environment.items() if n.startswith("PYTHON"))
    return frozenset((n, v) for n, v in python if n != "PYTHONPATH")
