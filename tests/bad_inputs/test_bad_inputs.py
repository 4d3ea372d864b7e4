"""Every bad input gives one clear message, pinned in ``messages.json``.

After a change of messages: ``LORASWEEP_WRITE_SNAPSHOTS=1 pytest tests/bad_inputs``, and read the
difference in git.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import optuna
import pytest
from bad_inputs.case import Case, study
from bad_inputs.cases import CASES

from sweep.cli import main

SNAPSHOTS = Path(__file__).with_name("messages.json")
UNSEEN = re.compile(r"\.claim$|__pycache__|^cache/")
WRITE = os.environ.get("LORASWEEP_WRITE_SNAPSHOTS") == "1"
PINNED: dict[str, dict[str, Any]] = json.loads(SNAPSHOTS.read_text()) if SNAPSHOTS.exists() else {}


@pytest.fixture(scope="session")
def study_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a study of two trials."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "study.py").write_text(study())
    url = f"sqlite:///{folder}/study.db"
    assert main(["run", str(folder / "study.py"), "--storage", url, "--workers", "1"]) == 0
    return folder / "study.db"


@pytest.fixture
def folder(tmp_path: Path, study_db: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty current directory; modules imported from it are unloaded afterwards."""
    shutil.copy(study_db, tmp_path / "study.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder except locks, bytecode and the data cache."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not UNSEEN.search(str(path.relative_to(folder)))
    }


def lasting(text: str, folder: Path) -> str:
    """A message without parts that differ between runs, machines or library versions."""
    text = text.replace(str(folder), "<tmp>").replace(socket.gethostname(), "<host>")
    text = text.replace(metadata.version("transformers"), "<transformers>")
    text = text.replace(optuna.__version__, "<optuna>")
    text = text.replace(str(Path(__file__).parents[2]), "<repository>")
    text = re.sub(r"process \d+ on", "process <pid> on", text)
    return re.sub(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "since <time>", text)


def answered(case: Case, folder: Path) -> int:
    """The exit code of a command line."""
    words = [word.replace("{folder}", str(folder)) for word in case.arguments]
    return main([*words, "--json"])


def compared(answer: dict[str, Any]) -> dict[str, Any]:
    """The part of a message that must match: our own sentences.

    Text in brackets may be Python's or SQLite's, which changes from version to version.
    """
    return {**answer, "message": re.sub(r" \(.*\)", "", answer["message"])} if answer else answer


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_bad_input_is_one_clear_message(
    case: Case, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Checks exit code, message, JSON output, and that no file has changed."""
    (folder / "study.py").write_text(case.study)
    case.make(folder)
    before = contents(folder)
    code = answered(case, folder)
    out, err = capfd.readouterr()
    message = lasting(err, folder)

    assert code in (1, 2)
    assert "Traceback" not in err
    assert "s3cret" not in out + err
    assert contents(folder) == before
    assert message.splitlines()[-1].removeprefix("lorasweep: ")
    assert json.loads(out)["error"].splitlines()[-1] in err
    if WRITE:
        PINNED[case.name] = {"code": code, "message": message}
    assert compared(PINNED.get(case.name, {})) == compared({"code": code, "message": message})


def test_every_case_is_pinned_and_every_pin_has_a_case() -> None:
    """No case without a message, and no message without a case."""
    names = [case.name for case in CASES]
    if WRITE:
        pinned = {name: PINNED[name] for name in names if name in PINNED}
        SNAPSHOTS.write_text(json.dumps(pinned, indent=1, ensure_ascii=False) + "\n")

    assert len(set(names)) == len(names) >= 75
    assert list(json.loads(SNAPSHOTS.read_text())) == names
