"""Pilot, design, measurement and search with the real command."""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from command import PROGRAM, lorasweep

pytestmark = pytest.mark.integration

STUDY = """
from sweep import Budget, Choice, Claim, Design, Float, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="toy",
    objective="objectives.synthetic:Synthetic",
    space=Space({
        "rank": Choice(2, 4, 8),
        "scaling": Choice(1.0, 2.0),
        "targets": TargetSets("qkv", "mlp", wide="all-linear"),
        "learning_rate": Float(1e-3, 1e-2, log=True),
    }),
    settings=SETTINGS,
    design=Design(configurations=12, duplicates=3, tries=5),
    claims=CLAIMS,
    budget=Budget(trials=18),
)
"""
WIDE = "attention.output+key+mlp.down+mlp.up+query+value"
URL = "sqlite:///toy.db"
ONE = ("--storage", URL, "--workers", "1", "--json")


def write(folder: Path, claims: str = "(Claim(),)", **settings: object) -> None:
    """Write the study with its claims and settings."""
    made = {"function": "surface", "noise": 0.01, **settings}
    text = STUDY.replace("SETTINGS", repr(made)).replace("CLAIMS", claims)
    (folder / "toy.py").write_text(text)


def answer(folder: Path, *arguments: str) -> dict[str, object]:
    """The JSON document that a command prints."""
    ran = lorasweep(folder, *arguments)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.slow
def test_from_a_pilot_to_the_search(tmp_path: Path) -> None:
    """Noise and range from the pilot enter the design; the design runs before the search."""
    write(tmp_path, collapse_on=[{"learning_rate": 0.01, "targets": WIDE}])
    pilot = answer(tmp_path, "pilot", "toy.py", *ONE)

    assert (pilot["study"], pilot["runs"], pilot["collapsed"]) == ("toy-pilot", 27, 1)
    assert pilot["noise"]["low"] < 0.01 < pilot["noise"]["high"]
    assert pilot["nuisance"]["range"]["high"] < 0.006
    rate = pilot["collapse_rate"]
    assert (rate["collapsed"], rate["level"]) == (0, 0.95)
    assert rate["at_most"] == pytest.approx(1 - 0.05 ** (1 / rate["runs"]))
    output = lorasweep(tmp_path, "pilot", "toy.py", *ONE[:-1]).stdout
    assert f"0 of {rate['runs']} runs in this range: a rate of at most 1" in output
    assert "next       lorasweep design" in output
    assert "needed" not in output

    design = answer(tmp_path, "design", "toy.py", "--storage", URL, "--points", "--json")
    assert design["noise"]["sd"] == pilot["noise"]["sd"]
    assert "not recorded" in design["power"][0]["untested"]  # by this objective
    assert design["cost"]["hours"] > 0
    assert "the pilot recommends" in design["notes"][0]
    assert len(design["points"]) == design["trials"] == 15
    assert {pair["cells"] for pair in design["pairs"]} == {6, 9, 10, 15}

    report = answer(tmp_path, "run", "toy.py", *ONE)
    assert report["phases"]["by_phase"] == {"measure": 15, "search": 3}
    measured = [trial for trial in report["trials"] if trial["phase"] == "measure"]
    assert [(t["params"], t["seed"]) for t in measured] == [
        (point["values"], point["seed"]) for point in design["points"]
    ]
    status = lorasweep(tmp_path, "status", "--storage", URL).stdout  # the one of the two studies
    assert "phases     measure 15/15 complete, search 3 complete" in status


def test_a_design_without_a_pilot_lists_unknowns(tmp_path: Path) -> None:
    """A design can also be shown for a study without one."""
    write(tmp_path)
    text = lorasweep(tmp_path, "design", "toy.py", "--configurations", "17", "--delta", "0.02")

    assert text.returncode == 0, text.stderr
    assert "17 configurations + 3 duplicates = 20 trials" in text.stdout
    assert "noise      unknown: run the pilot" in text.stdout
    assert "hours unknown: run the pilot" in text.stdout
    assert "targets dominates rank and scaling, which are negligible (delta 0.02" in text.stdout
    assert "rank x targets" in text.stdout
    assert "power" not in text.stdout
    forecast = lorasweep(tmp_path, "design", "toy.py", "--noise", "0.004").stdout
    assert "beyond size has no forecast: how many parameters" in forecast
    assert "run the pilot" in forecast
    assert "trials to tell dominance, yes or no, if targets alone matters, 2 delta" in forecast
    assert "trials to show that effects of 0 are negligible" in forecast
    assert not (tmp_path / "toy.db").exists()
    check = answer(tmp_path, "check", "toy.py", "--json")
    assert check["design"] == {"configurations": 12, "trials": 15}


def test_a_pilot_and_its_study_resume_from_the_database(tmp_path: Path) -> None:
    """The study file is not needed; a finished pilot is unchanged."""
    write(tmp_path)
    answer(tmp_path, "pilot", "toy.py", *ONE)
    answer(tmp_path, "run", "toy.py", "--trials", "4", *ONE)
    (tmp_path / "toy.py").unlink()
    pilot = answer(tmp_path, "resume", "--name", "toy-pilot", *ONE)
    study = answer(tmp_path, "resume", "--trials", "9", *ONE)

    assert pilot["phases"]["by_phase"] == {"pilot": 27}
    assert study["study"] == "toy"
    assert study["phases"]["by_phase"] == {"measure": 9}


def test_collapsed_trials_are_counted_and_run_again(tmp_path: Path) -> None:
    """Each once, outside the budget."""
    write(tmp_path, collapse_rate=0.3)
    report = answer(tmp_path, "run", "toy.py", "--trials", "15", *ONE)
    phases = report["phases"]
    again = [trial["rerun_of"] for trial in report["trials"] if trial["rerun_of"] is not None]
    text = lorasweep(tmp_path, "status", "--storage", URL).stdout

    assert 0 < phases["collapsed"] == phases["run_again"] == len(set(again)) == len(again)
    assert phases["counted"] == 15
    assert f"{len(again)} learned nothing, {len(again)} run again with another seed" in text
    assert "trials     15/15 complete" in text


def test_a_change_of_claims_is_shown(tmp_path: Path) -> None:
    """Changes before the first complete trial are not late; later ones are listed."""
    write(tmp_path)
    run = ("run", "toy.py", *ONE)
    assert answer(tmp_path, *run, "--trials", "2")["history"] == []
    write(tmp_path, "(Claim(delta=0.02),)")
    (entry,) = answer(tmp_path, *run, "--trials", "3")["history"]
    again = answer(tmp_path, *run, "--trials", "3")
    write(tmp_path, '(Claim(over=("learning_rate",), negligible=()),)')
    text = lorasweep(tmp_path, "run", "toy.py", "--trials", "4", *ONE[:-1]).stdout

    assert entry["n_complete"] == 2
    assert entry["before"][0]["delta"] == 0.01
    assert entry["after"][0]["delta"] == 0.02
    assert len(again["history"]) == 1
    expected = "targets dominates rank and scaling, which are negligible"
    assert f"after 2 complete trials: {expected}: delta: 0.01 -> 0.02" in text
    assert f"after 3 complete trials: - {expected}; + targets dominates learning_rate" in text


def test_a_study_with_a_design_cannot_be_extended(tmp_path: Path) -> None:
    """Its points are spread over its present space."""
    write(tmp_path)
    answer(tmp_path, "run", "toy.py", "--trials", "2", *ONE)
    ran = lorasweep(tmp_path, "extend", "--storage", URL, "--add-choice", "rank=16")

    assert ran.returncode == 1
    assert "must hold a study without a design" in ran.stderr


@pytest.mark.slow
def test_a_measurement_survives_sigkill(tmp_path: Path) -> None:
    """Killed at random moments, the design is complete, each run once, with its seeds."""
    write(tmp_path, sleep_seconds=0.15, collapse_rate=0.2)
    design = answer(tmp_path, "design", "toy.py", "--points", "--json")
    rng = random.Random(5)
    command = [PROGRAM, "run", "toy.py", "--storage", URL, "--workers", "2", "--trials", "15"]
    for _ in range(6):
        driver = subprocess.Popen(command, cwd=tmp_path, start_new_session=True)
        time.sleep(rng.uniform(2.0, 5.0))
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
    report = answer(tmp_path, *command[1:], "--json")
    done = [trial for trial in report["trials"] if trial["state"] == "COMPLETE"]
    first = [trial for trial in done if trial["rerun_of"] is None]

    assert Counter((t["design"], t["replicate"], t["seed"]) for t in first) == Counter(
        (point["index"], point["replicate"], point["seed"]) for point in design["points"]
    )
    assert len({t["rerun_of"] for t in done} - {None}) == report["phases"]["collapsed"]
    assert {trial["phase"] for trial in report["trials"]} == {"measure"}
