"""Time of each step of a report of many trials, and the page's size in megabytes.

    python benchmarks/report/many_trials.py --trials 2000

Runs a study of a synthetic objective first, with a learning curve per trial. Prints a table, and
as the last line one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from sweep import Budget, Choice, Claim, Float, Sampler, Space, StudySpec, TargetSets
from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.report.figures.kinds import draw
from sweep.report.page.page import page
from sweep.report.tree.build import report_tree
from sweep.report.write import library
from sweep.results.analysis import AnalysisOptions
from sweep.storage.studies import open_known, quiet_optuna
from sweep.storage.url import StorageUrl

T = TypeVar("T")


def make_spec(trials: int) -> StudySpec:
    """The space of ``studies.binding_sites``, five evaluations a trial."""
    return StudySpec(
        name="many",
        objective="objectives.synthetic:Synthetic",
        space=Space(
            {
                "rank": Choice(2, 4, 8, 16, 32),
                "scaling": Choice(0.5, 1.0, 2.0, 4.0, 8.0),
                "targets": TargetSets("query+value", "qkv", "mlp", "attention", "all-linear"),
                "learning_rate": Float(5e-4, 1e-2, log=True),
            }
        ),
        settings={"function": "surface", "noise": 0.01, "steps": 5},
        sampler=Sampler("random"),
        budget=Budget(trials=trials),
        claims=(Claim(delta=0.01, kappa=2.0),),
    )


def timed(act: Callable[[], T]) -> tuple[T, float]:
    """A call's result and its wall-clock seconds."""
    started = time.perf_counter()
    return act(), time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    trials: int = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as folder, quiet_optuna():
        address = StorageUrl.parse(f"sqlite:///{Path(folder) / 'study.db'}")
        run_study(make_spec(trials), address, NullListener(), Options(workers=1))
        study = open_known(address)
        _, quick = timed(lambda: report_tree(study, address, AnalysisOptions(quick=True)))
        tree, whole = timed(lambda: report_tree(study, address, AnalysisOptions()))
    drawn, drawing = timed(lambda: draw(tree))
    text, writing = timed(lambda: page(tree, drawn, plotly_js=library()))
    found = {
        "trials": trials,
        "figures": sum(each.figure is not None for each in drawn),
        "seconds_analysis": round(whole, 2),
        "seconds_analysis_quick": round(quick, 2),
        "seconds_figures": round(drawing, 2),
        "seconds_page": round(writing, 2),
        "page_megabytes": round(len(text.encode()) / 1e6, 2),
        "plotly_js_megabytes": round(len(library().encode()) / 1e6, 2),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "plotly": version("plotly"),
    }
    for name, value in found.items():
        print(f"{name:<24}{value}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
