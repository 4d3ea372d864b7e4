"""The driver's cost of one worker message: pipes of local processes, and Ray.

    python -m benchmarks.cluster.messages

Two real workers report as fast as they are answered; no study is written. Prints driver CPU time
per report and reports per second, and as the last line one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from importlib.metadata import version
from typing import Any

from sweep import Float, Space, StudySpec
from sweep.study.trial import TrialParams
from sweep.workers.local import LocalLauncher
from sweep.workers.messages import SlotsFree, TrialFinished, TrialReported
from sweep.workers.pool import Pool
from sweep.workers.ray.config import RayConfig
from sweep.workers.ray.pool import RayLauncher

WORKERS = 2
REPORTS = 1_000
SPEC = StudySpec(
    name="messages",
    objective="objectives.synthetic:Synthetic",
    space=Space({"x1": Float(0, 1), "x2": Float(0, 1)}),
    settings={"function": "linear", "steps": REPORTS},
)


def measure(launcher: Pool) -> dict[str, Any]:
    """Run one trial on each worker, answering its reports."""
    with contextlib.closing(launcher):
        for number in range(WORKERS):
            params = TrialParams(number, {"x1": 0.5, "x2": 0.5}, seed=0, replicate=0)
            launcher.submit([params])
        reports, started, used = 0, 0.0, 0.0
        while launcher.busy():
            match launcher.next_event(10.0):
                case TrialReported() as event:
                    if not reports:  # the workers have started
                        started, used = time.perf_counter(), time.process_time()
                    reports += 1
                    event.answer(False)
                case TrialFinished() as event:
                    event.answer(None)
                case SlotsFree() as event:
                    event.answer([])
        seconds, used = time.perf_counter() - started, time.process_time() - used
    return {
        "workers": WORKERS,
        "reports": reports,
        "driver_cpu_ms_per_report": round(1000 * used / reports, 3),
        "reports_per_second": round(reports / seconds),
    }


def main() -> None:
    """Measure and print."""
    found: dict[str, Any] = {
        "processes": measure(LocalLauncher(SPEC, WORKERS)),
        "ray": measure(RayLauncher(SPEC, RayConfig("", {"cpu": 0.5}), WORKERS)),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "versions": {"python": platform.python_version(), "ray": version("ray")},
    }
    for name in ("processes", "ray"):
        print(name, found[name])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
