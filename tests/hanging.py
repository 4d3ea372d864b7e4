"""A study whose trials hang while a file exists, like a blocked call into C."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

GRACE_SECONDS = 0.5

STUDY = """
import time
from pathlib import Path
import sweep.signals
from objectives.synthetic import Synthetic
from sweep import Budget, Choice, Space, StudySpec

sweep.signals.GRACE_SECONDS = {grace}
HERE = Path({folder!r})

class Hanging(Synthetic):
    def run(self, pack, report, leave, refill):
        names = ["hang", "hang-in-the-final-test"] if pack[0].final_test else ["hang"]
        if any((HERE / name).exists() for name in names):
            (HERE / "entered").touch()
            while True:  # it reports nothing and never asks whether to stop
                time.sleep(3600)
        return super().run(pack, report, leave, refill)

STUDY = StudySpec(
    name="toy", objective="toy:Hanging",
    space=Space({{"rank": Choice(1, 2), "alpha": Choice(1, 2), "targets": Choice("query")}}),
    settings={{"function": "surface"}}, budget=Budget(trials=2),
)
"""


def write_study(folder: Path) -> None:
    """Put ``toy.py`` into ``folder``; its trials hang while a file ``hang`` is beside it."""
    text = STUDY.format(grace=GRACE_SECONDS, folder=str(folder))
    (folder / "toy.py").write_text(text)


def wait_until_it_hangs(folder: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a trial that will not return has started."""
    while not (folder / "entered").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
