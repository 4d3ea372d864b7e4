"""Base, data, prepared tables and the study's files change in the middle of real fine-tunes.

Each sweep continues with the results of an undisturbed one, or stops with one message and reaches
those results when it is resumed. Nothing is computed with changed files.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from faults.fine_tunes import TRIALS, Database, Measured, study

from sweep.errors import SweepError


@dataclass(frozen=True)
class Disturbance:
    """A change to files, and the expected message.

    Attributes:
        command: bash command run in the middle of the third trial, in the folder of the inputs.
        message: the message with which the sweep stops; empty if it continues.
        complete: number of complete trials then; the worker is killed in the middle of the fifth.
        kept: number of adapters at the end.
    """

    command: str
    message: str = ""
    complete: int = 4
    kept: int = TRIALS


WEIGHTS, ROWS = "base/model.safetensors", "data/train/ATP_train.txt"
TABLE = "$(ls cache/*/train/*.arrow)"
SWAPPED = "the inputs must hold .*{}: .* -> .*Restore"

DISTURBANCES = {
    "weights truncated": Disturbance(
        f"truncate -s -1000 {WEIGHTS}", "model.safetensors must be a whole weight file"
    ),
    "weights overwritten": Disturbance(
        f"head -c 4000 /dev/zero | dd of={WEIGHTS} bs=1 seek=9000 conv=notrunc status=none",
        SWAPPED.format("base"),
    ),
    "rows lost": Disturbance(
        f"truncate -s $(head -n 5 {ROWS} | wc -c) {ROWS}", SWAPPED.format("data")
    ),
    "data replaced": Disturbance(f"tac {ROWS} > other && mv other {ROWS}", SWAPPED.format("data")),
    "cache and files deleted": Disturbance("rm -r cache study.db.files", kept=TRIALS - 2),
    "table truncated": Disturbance(
        f"truncate -s 300 {TABLE}", "a worker was killed by SIGBUS", complete=2
    ),
    "a byte of a table flipped": Disturbance(
        f"printf '\\x7f' | dd of={TABLE} bs=1 seek=$(($(stat -c %s {TABLE}) / 2)) conv=notrunc",
        "a prepared table must hold what it held",
        complete=2,
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", DISTURBANCES)
def test_files_that_change_during_a_sweep_change_no_result(
    name: str, small_inputs: Path, undisturbed: Measured, tmp_path: Path
) -> None:
    """For the worker that has read them, and for one that starts later."""
    folder, wanted = Path(shutil.copytree(small_inputs, tmp_path / "home")), DISTURBANCES[name]
    database, spec = Database(folder / "study.db"), study(folder, wanted.command, killed=4)
    if wanted.message:
        with pytest.raises(SweepError, match=wanted.message) as stopped:
            database.run(spec)
        assert len(str(stopped.value).splitlines()) == 1
        before = database.measured()
        assert len(before) == wanted.complete
        assert before.items() <= undisturbed.items()
        for each in ("base", "data"):
            shutil.rmtree(folder / each)
            shutil.copytree(small_inputs / each, folder / each)
    database.run(spec)

    assert database.measured() == undisturbed
    assert database.states()["COMPLETE"] == TRIALS
    assert len(database.adapters()) == wanted.kept
