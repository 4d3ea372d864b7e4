"""A database password appears in no output, in no file, and not in the study."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from command import PROGRAM, lorasweep
from faults.postgres import PASSWORD, Postgres
from sqlalchemy.engine import make_url

from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl

STUDY = """
from sweep import Budget, Choice, Space, StudySpec
STUDY = StudySpec(
    name="toy", objective="objectives.synthetic:Synthetic",
    space=Space({"rank": Choice(1, 2, 4, 8), "alpha": Choice(1, 2, 4), "targets": Choice("query")}),
    settings={"function": "surface", "fail_on": [{"rank": 8}]}, budget=Budget(trials=4),
)
"""
FORMS = (PASSWORD, "p%40ss%2Fw%3Ard", "p%40ss")


def shown(text: str) -> list[str]:
    """The encoded forms of the password that a text contains."""
    return [form for form in FORMS if form in text]


@pytest.mark.slow
def test_every_command_hides_the_password(postgres: Postgres, tmp_path: Path) -> None:
    """All commands, from the first run to the export."""
    url = postgres.new_database()
    (tmp_path / "toy.py").write_text(STUDY)
    where = ("--storage", url)
    output = ""
    for arguments in (
        ("run", "toy.py", *where, "--workers", "1", "--json"),
        ("run", "toy.py", *where, "--trials", "5", "--workers", "1"),
        ("resume", *where, "--trials", "6", "--workers", "1"),
        ("status", *where, "--json"),
        ("status", *where, "--failed"),
        ("importance", *where, "--json"),
        ("export", *where, "--out", "t.json"),
        ("export", *where, "--out", "t.parquet"),
        ("extend", *where, "--add-choice", "alpha=8"),
        ("copy", url, "sqlite:///copy.db"),
        ("status", "--storage", "sqlite:///copy.db", "--json"),
    ):
        run = lorasweep(tmp_path, *arguments)
        assert run.returncode == 0, run.stderr
        output += run.stdout + run.stderr
    study = load_study(StorageUrl.parse(url))

    assert "***" in output
    assert not shown(output)
    assert not shown(json.dumps(study.user_attrs))
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert not shown(path.read_bytes().decode("latin-1")), path


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"password": "wr0ng-s3cret"}, "must let you in"),
        ({"database": "nowhere"}, "must let you in"),
        ({"port": 1}, "must be a database that opens"),
        ({"host": "no-such-host.invalid"}, "must be a database that opens"),
    ],
)
def test_a_server_that_refuses_gives_one_message_without_the_password(
    postgres: Postgres, tmp_path: Path, change: dict[str, object], expected: str
) -> None:
    """For a sweep and for a command that reads."""
    url = make_url(postgres.new_database()).set(**change).render_as_string(hide_password=False)
    (tmp_path / "toy.py").write_text(STUDY)
    for arguments in (("run", "toy.py", "--workers", "1"), ("status",)):
        run = lorasweep(tmp_path, *arguments, "--storage", url)

        assert run.returncode == 1
        assert expected in run.stderr
        assert "Traceback" not in run.stderr
        assert not shown(run.stderr + run.stdout)
        assert "wr0ng-s3cret" not in run.stderr + run.stdout


def test_a_password_can_be_left_to_the_environment(postgres: Postgres, tmp_path: Path) -> None:
    """Libpq reads it there."""
    url = postgres.new_database().replace(f":{FORMS[1]}@", "@")
    assert not shown(url)
    (tmp_path / "toy.py").write_text(STUDY)
    command = [PROGRAM, "run", "toy.py", "--storage", url]
    run = subprocess.run(
        [*command, "--workers", "1"],
        cwd=tmp_path,
        env={**os.environ, "PGPASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert "4/4 complete" in run.stdout
