"""The commands export and copy, run as by a user or a script."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess, run

import optuna
import pytest

pytestmark = pytest.mark.integration

Command = Callable[..., CompletedProcess[str]]
SECRET = "s3cret/p@ss"  # noqa: S105 - of no server
QUOTED = "s3cret%2Fp%40ss"
NOWHERE = f"postgresql://ada:{QUOTED}@127.0.0.1:9/none"

STUDY = """
from sweep import Budget, Choice, Space, StudySpec, TargetSets

STUDY = StudySpec(
    name="toy",
    objective="objectives.synthetic:Synthetic",
    space=Space({
        "rank": Choice(1, 2, 4, 8),
        "alpha": Choice(1, 2, 4),
        "targets": TargetSets("qkv", "query+value"),
    }),
    settings={"function": "surface", "fail_on": [{"rank": 8, "alpha": 4}]},
    budget=Budget(trials=4),
)
"""


@pytest.mark.slow
def test_a_study_is_run_copied_resumed_and_exported(lorasweep: Command, tmp_path: Path) -> None:
    """The copy is resumed from the source's state; the source is unchanged."""
    (tmp_path / "toy.py").write_text(STUDY)
    made = lorasweep("run", "toy.py", "--storage", "sqlite:///a.db", "--workers", "1")
    assert made.returncode == 0, made.stderr
    copied = lorasweep("copy", "sqlite:///a.db", "journal:///b.log", "--json")
    assert copied.returncode == 0, copied.stderr
    report = json.loads(copied.stdout)
    assert (report["study"], report["to"], report["verified"]) == ("toy", "journal:///b.log", True)
    assert report["counts"]["COMPLETE"] == 4
    assert not copied.stderr

    options = ("--trials", "6", "--workers", "1", "--json")
    resumed = lorasweep("resume", "--storage", "journal:///b.log", *options)
    assert json.loads(resumed.stdout)["counts"]["COMPLETE"] == 6
    back = lorasweep("copy", "journal:///b.log", "sqlite:///c.db", "--name", "toy")
    assert "6 complete" in back.stdout
    assert "every one compared" in back.stdout
    for url, trials in (("sqlite:///a.db", 4), ("sqlite:///c.db", 6)):
        shown = lorasweep("status", "--storage", url, "--json")
        assert json.loads(shown.stdout)["counts"]["COMPLETE"] == trials

    exported = lorasweep("export", "--storage", "sqlite:///c.db", "--out", "table.json", "--json")
    assert not exported.stderr
    assert json.loads(exported.stdout)["times"] is None
    study = json.loads((tmp_path / "table.json").read_text())["study"]
    assert study["spec"]["name"] == "toy"
    assert study["spec_digest"] == json.loads(shown.stdout)["spec_digest"]
    assert study["versions"]["optuna"] == optuna.__version__
    assert "owner" not in study["user_attrs"]


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["export", "--storage", "sqlite:///study.db", "--out", "x.xls"], 2, "--out must end in"),
        (["export", "--storage", "sqlite:///study.db"], 2, "--out must be given"),
        (["export", "--storage", "sqlite:///no.db", "--out", "x.csv"], 1, "name an existing file"),
        (["export", "--storage", "sqlite:///study.db", "--out", "no/x.csv"], 1, "can be written"),
        (
            ["export", "--storage", "sqlite:///study.db", "--out", "x.csv", "--name", "z"],
            1,
            "--name must be one of odd, got 'z'",
        ),
        (["copy", "sqlite:///study.db"], 2, "TO must be given"),
        (["copy", "study.db", "sqlite:///x.db"], 1, "FROM must be a database URL"),
        (["copy", "sqlite:///study.db", "x.db"], 1, "TO must be a database URL"),
        (["copy", "sqlite:///no.db", "sqlite:///x.db"], 1, "FROM must name an existing file"),
        (["copy", "sqlite:///study.db", "sqlite:///study.db"], 1, "TO must hold no study named"),
    ],
)
def test_an_error_is_one_message_and_an_exit_code(
    arguments: list[str], code: int, expected: str, lorasweep: Command, foreign: optuna.Study
) -> None:
    """2 for an invalid command, 1 for one that failed."""
    del foreign
    done = lorasweep(*arguments)

    assert done.returncode == code
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_is_json_if_json_was_requested(lorasweep: Command) -> None:
    """As with every command."""
    done = lorasweep("copy", "sqlite:///no.db", "sqlite:///x.db", "--json")

    assert "FROM must name an existing file" in json.loads(done.stdout)["error"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["copy", NOWHERE, "sqlite:///x.db", "--json"],
        ["copy", "sqlite:///study.db", NOWHERE, "--json"],
        ["export", "--storage", NOWHERE, "--out", "x.json", "--json"],
    ],
)
def test_a_password_is_never_shown(
    arguments: list[str], lorasweep: Command, foreign: optuna.Study
) -> None:
    """Nor its quoted form, if the server does not respond."""
    del foreign
    done = lorasweep(*arguments)

    assert done.returncode == 1
    assert "ada:***@127.0.0.1" in done.stderr
    assert not [secret for secret in (SECRET, QUOTED) if secret in done.stderr + done.stdout]


def test_neither_torch_nor_arrow_is_imported_needlessly(
    foreign: optuna.Study, url: str, tmp_path: Path
) -> None:
    """Importing Arrow takes longer than copying a small study."""
    del foreign
    code = (
        "import sys; from sweep.cli import main; assert main(sys.argv[1:]) == 0; "
        "heavy = {'torch', 'transformers', 'peft', 'datasets', 'pandas', 'pyarrow'}; "
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    for arguments in (
        ("copy", url, "sqlite:///x.db"),
        ("export", "--storage", url, "--out", "x.csv"),
        ("export", "--storage", url, "--out", "x.json"),
    ):
        done = run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr.splitlines()[-1] == "[]"
