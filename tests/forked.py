"""A process that has imported the framework, and forks for each command.

Started by ``command.lorasweep`` as a script. Each line of its standard input is a request as
JSON; it answers with the child's process id and then with its exit code, a line each.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import lean
import workers

LIGHT = (
    "objectives.synthetic", "optuna.importance", "plotly.io", "pydantic.type_adapter",
    "sklearn.ensemble", "sweep.analysis.experiment_design.pilot_report", "sweep.cli.detach",
    "sweep.analysis.experiment_design.report", "sweep.cli.adapter_export.export",
    "sweep.cli.main", "sweep.driver.run_study", "sweep.extend.extend", "sweep.report.serve",
    "sweep.report.tree.build", "sweep.report.write", "sweep.results.analysis",
    "sweep.terminal.changes", "sweep.terminal.check", "sweep.terminal.design",
    "sweep.terminal.importance", "sweep.terminal.progress", "sweep.terminal.status",
    "sweep.trackers.make", "sweep.transfer", "sweep.workers.local",
)  # fmt: skip
"""Modules that commands import without a model library."""


def become(request: dict[str, Any]) -> None:
    """Turn a child into the process that a shell would have started."""
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["out"], os.O_WRONLY),
        (2, request["err"], os.O_WRONLY),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    program = request["argv"][0]
    sys.argv = request["argv"]
    added = os.environ.get("PYTHONPATH", "")
    sys.path[:1] = [str(Path(program).parent), *filter(None, added.split(os.pathsep))]
    sys.modules["__main__"].__file__ = program  # modules that a spawned worker imports


def serve() -> dict[str, Any] | None:
    """Serve requests: returns the request in a child, and None in the parent at the end."""
    requests, answers = os.fdopen(os.dup(0), "rb", 0), os.fdopen(os.dup(1), "w", 1)
    os.dup2(2, 1)  # output of libraries during their import is no answer
    for module in LIGHT:
        importlib.import_module(module)
    lean.save()
    workers.fork_them(really=True)
    workers.SERVERS[False].ensure_running()  # before the first child, for all of them
    gc.freeze()
    for line in iter(requests.readline, b""):
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            requests.close()
            answers.close()
            return dict(request)
        print(child, file=answers)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers)
    return None


if __name__ == "__main__":
    given = serve()
    if given is not None:
        become(given)
        from sweep.cli import main

        sys.exit(main())
