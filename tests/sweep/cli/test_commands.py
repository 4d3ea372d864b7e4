"""The command run in separate processes, as by a user or a script."""

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import PROGRAM, lorasweep

pytestmark = pytest.mark.integration

STUDY = """
from sweep import Baseline, Budget, Choice, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="toy",
    objective="objectives.synthetic:Synthetic",
    space=Space({
        "rank": Choice(1, 2, 4, 8),
        "alpha": Choice(1, 2, 4),
        "targets": TargetSets("qkv", "query+value", wide="all-linear"),
    }),
    settings={"function": "surface", "fail_on": [{"rank": 8, "alpha": 4}]},
    baselines=(Baseline("head only", {"rank": 0, "targets": "none"}),),
    budget=Budget(trials=6),
)

if __name__ == "__main__":
    import sys
    from sweep.cli import main
    raise SystemExit(main(["run", __file__, *sys.argv[1:]]))
"""

HEAVY = ("torch", "transformers", "peft", "bitsandbytes", "datasets")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a study file in it."""
    (tmp_path / "toy.py").write_text(STUDY)
    return tmp_path


def imported(folder: Path, *arguments: str, heavy: tuple[str, ...] = HEAVY) -> set[str]:
    """Heavy packages that a command imports."""
    code = (
        f"import sys; from sweep.cli import main; main({list(arguments)!r}); "
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(json.loads(run.stderr.strip().splitlines()[-1].replace("'", '"')))


def test_a_sweep_is_tracked_on_request(folder: Path) -> None:
    """By ``run`` and ``resume``; the files are beside the database."""
    pytest.importorskip("tensorboardX")
    where = ("--storage", "sqlite:///s.db", "--track", "tensorboard", "--workers", "1")

    for verb in (("run", "toy.py", "--trials", "2"), ("resume", "--trials", "3")):
        done = lorasweep(folder, *verb, *where)
        assert done.returncode == 0, done.stderr

    logs = sorted(path.name for path in (folder / "toy-tensorboard").iterdir())
    trials = json.loads(lorasweep(folder, "status", *where[:2], "--json").stdout)["trials"]
    assert logs == [f"trial-{trial['number']:05d}" for trial in trials]


def test_a_study_from_first_run_to_importance(folder: Path) -> None:
    """run, run again, more trials, status, importance, resume: one database."""
    url = "sqlite:///runs/toy/study.db"
    first = lorasweep(folder, "run", "toy.py", "--json", "--workers", "1")
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert report["counts"]["COMPLETE"] == report["target_trials"] == 6
    assert report["storage"] == url
    assert report["baselines"][0]["value"] == 0.15
    assert report["best"]["value"] > 0.15
    assert set(report["best"]) == {
        "number", "value", "params", "metrics", "adapter", "lora_config", "modules",
    }  # fmt: skip

    again = lorasweep(folder, "run", "toy.py", "--workers", "1")
    assert again.returncode == 0
    assert "nothing to do: 6 trials are complete" in again.stderr

    resumed = lorasweep(folder, "resume", "--storage", url, "--trials", "9", "--json")
    assert json.loads(resumed.stdout)["counts"]["COMPLETE"] == 9

    status = json.loads(lorasweep(folder, "status", "--storage", url, "--json").stdout)
    assert status["counts"]["COMPLETE"] == 9
    assert status["study"] == "toy"
    assert len(status["spec_digest"]) == 16
    assert all("SyntheticError" in entry["reason"] for entry in status["failed"])

    importance = json.loads(lorasweep(folder, "importance", "--storage", url, "--json").stdout)
    assert importance["n"] == 9
    methods = {table["method"]: table for table in importance["methods"]}
    assert set(methods) == {"fanova", "ped_anova"}
    names = {row["name"] for row in methods["fanova"]["rows"]}
    assert {"rank", "alpha", "targets", "scaling"} <= names
    assert all(row["low"] <= row["share"] <= row["high"] for row in methods["fanova"]["rows"])


def test_a_study_file_is_a_script(folder: Path) -> None:
    """``python toy.py --trials 2`` is ``lorasweep run toy.py --trials 2``."""
    run = subprocess.run(
        [sys.executable, "toy.py", "--trials", "2", "--json", "--workers", "1"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["counts"]["COMPLETE"] == 2


def test_tables_name_target_sets_by_their_labels(folder: Path) -> None:
    """And without control characters in a pipe."""
    lorasweep(folder, "run", "toy.py", "--trials", "3", "--workers", "1")
    shown = lorasweep(folder, "status", "--storage", "sqlite:///runs/toy/study.db").stdout

    assert "3/3 complete" in shown
    assert "head only" in shown
    assert "\x1b" not in shown
    assert "attention.output+key" not in shown


def test_help_status_and_importance_import_no_model_library(folder: Path) -> None:
    """Torch alone takes seconds to import."""
    lorasweep(folder, "run", "toy.py", "--trials", "4", "--workers", "1")
    url = "sqlite:///runs/toy/study.db"

    heavy = (*HEAVY, "scipy", "sklearn")
    assert imported(folder, "status", "--storage", url, heavy=heavy) == set()
    assert imported(folder, "importance", "--quick", "--storage", url) == set()


def test_help_imports_almost_nothing(folder: Path) -> None:
    """Neither Optuna nor rich, for any command, so that it is fast."""
    code = (
        "import sys\nfrom sweep.cli.main import APP, main\nfrom typer.main import get_command\n"
        "lines = [[]]\n"
        "for name, verb in get_command(APP).commands.items():\n"
        "    lines += [[name], *([name, each] for each in getattr(verb, 'commands', ()))]\n"
        "for line in lines:\n"
        "    try:\n        main([*line, '--help'])\n"
        "    except SystemExit as end:\n        assert end.code == 0\n"
        "    assert not {'optuna', 'pandas', 'rich', 'numpy', 'torch', 'pydantic', 'sqlalchemy',"
        " 'objectives', 'pooch'} & set(sys.modules), line"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=False
    )

    assert run.returncode == 0, run.stderr
    for verb in ("check", "run", "adapters export", "data fetch", "data describe"):
        assert f"Usage: lorasweep {verb} [OPTIONS]" in run.stdout
    assert "\x1b" not in run.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["dance"], 2, "lorasweep must be followed by one of check, run, resume, status,"),
        ([], 2, "predict, adapters, data, got None. See lorasweep --help."),
        (["run", "nowhere.nothing"], 2, "must be an importable module or a .py file"),
        (["run", "missing.py"], 2, "the study file must exist, got 'missing.py'"),
        (["run", "toy.py", "--trials", "0"], 2, "budget.trials must be a whole number of 1"),
        (["run", "toy.py", "--set", "noise"], 2, "--set must be NAME=VALUE, got 'noise'"),
        (["run", "toy.py", "--set", "noise=-1"], 2, "settings.noise must be a number of 0"),
        (["check", "toy.py", "--set", "rank=3"], 2, "must not be fixed and sampled at once"),
        (
            ["status", "--storage", "sqlite:///no.db"],
            1,
            "must name an existing file, got 'sqlite:///no.db'",
        ),
        (["status", "--storage", "no.db"], 1, "--storage must be a database URL, got 'no.db'"),
    ],
)
def test_wrong_input_is_one_clear_message(
    folder: Path, arguments: list[str], code: int, expected: str
) -> None:
    """On stderr, with the documented exit code; no traceback, no new files."""
    run = lorasweep(folder, *arguments)

    assert run.returncode == code
    assert expected in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""
    assert not list(folder.rglob("*.db"))


def test_json_is_one_document_when_a_command_fails(folder: Path) -> None:
    """So that a script can always parse it."""
    run = lorasweep(folder, "status", "--storage", "sqlite:///no.db", "--json")

    assert "existing file" in json.loads(run.stdout)["error"]


def test_a_changed_study_is_refused_with_the_difference(folder: Path) -> None:
    """The database is unchanged."""
    lorasweep(folder, "run", "toy.py", "--trials", "2", "--workers", "1")
    (folder / "toy.py").write_text(STUDY.replace("Choice(1, 2, 4, 8)", "Choice(1, 2, 4, 16)"))
    run = lorasweep(folder, "run", "toy.py", "--trials", "4")

    assert run.returncode == 1
    assert "space.rank.values: [1, 2, 4, 8] -> [1, 2, 4, 16]" in run.stderr
    status = lorasweep(folder, "status", "--storage", "sqlite:///runs/toy/study.db", "--json")
    assert json.loads(status.stdout)["counts"]["COMPLETE"] == 2


def wait_for_complete(folder: Path) -> None:
    """Wait until the study has a complete trial."""
    path = folder / "runs/toy/study.db"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if path.is_file():
            with contextlib.closing(sqlite3.connect(path, timeout=60)) as database:
                query = "select count(*) from trials where state = 'COMPLETE'"
                with contextlib.suppress(sqlite3.OperationalError):  # tables still being created
                    if database.execute(query).fetchone()[0]:
                        return
        time.sleep(0.1)
    pytest.fail("the sweep made no progress")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_cleanly_with_the_command_to_resume(
    folder: Path, number: signal.Signals
) -> None:
    """Exit code 128 + n, no trial left RUNNING, the resume command printed."""
    command = [PROGRAM, "run", "toy.py", "--workers", "1"]
    process = subprocess.Popen(
        [*command, "--set", "sleep_seconds=0.5", "--trials", "20"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_complete(folder)
    process.send_signal(number)
    _, output = process.communicate(timeout=30)

    assert process.returncode == 128 + number, output
    assert f"stopped by {number.name}" in output
    assert "to go on: lorasweep resume --storage sqlite:///runs/toy/study.db --name toy" in output
    status = lorasweep(folder, "status", "--storage", "sqlite:///runs/toy/study.db", "--json")
    report = json.loads(status.stdout)
    assert report["counts"]["RUNNING"] == 0
    assert report["counts"]["COMPLETE"] > 0
    assert report["owner"] is None


def test_failures_are_shown_in_full_on_request(folder: Path) -> None:
    """Parameters, memory and traceback; ``status`` names the command."""
    policy = ("--trials", "40", "--on-failure", "retry(1)", "--max-retries", "3", "--keep", "none")
    run = lorasweep(folder, "run", "toy.py", "--workers", "1", "--json", *policy)
    report = json.loads(run.stdout)
    url = "sqlite:///runs/toy/study.db"
    brief = lorasweep(folder, "status", "--storage", url).stdout
    full = lorasweep(folder, "status", "--storage", url, "--failed").stdout

    assert report["policy"] == {"on_failure": "retry(1)", "max_retries": 3, "keep": "none"}
    assert len(report["failed"]) >= 2
    assert len(report["failed"]) % 2 == 0  # each was run again, once
    assert {entry["kind"] for entry in report["failed"]} == {"SyntheticError"}
    assert "lorasweep status --failed" in brief
    assert "Traceback" not in brief
    assert full.count("Traceback (most recent call last)") == len(report["failed"])
    assert "rank=8  alpha=4" in full


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--on-failure", "retry", "policy.on_failure must be 'continue', 'stop' or 'retry(k)'"),
        ("--keep", "some", "policy.keep must be one of best, all, none, got 'some'"),
        ("--max-retries", "-1", "policy.max_retries must be a whole number of 0"),
    ],
)
def test_a_wrong_policy_is_refused(folder: Path, option: str, value: str, expected: str) -> None:
    """Before anything is created."""
    run = lorasweep(folder, "run", "toy.py", option, value)

    assert run.returncode == 2
    assert expected in run.stderr
    assert not (folder / "runs").exists()
