"""Study names with special characters are allowed: such a study runs and can be opened again."""

from __future__ import annotations

import json
from pathlib import Path

import optuna
import pytest
from bad_inputs.case import study
from tiers import first

from sweep.cli import main
from sweep.storage.url import default_url, folder_name

NAMES = [
    "a/b",
    "../../up",
    "/etc/passwd",
    "..",
    "it's",
    'say "yes"',
    "<b>bold</b>",
    "[red]x[/red] [/]",
    "100% {sure} %s",
    "--help",
    "*?$(touch x);`touch y`&",
    "a\\b",
    "sqlite:///x.db?y=z#@h",
    "Größe 🧬 研究",
    "x" * 300,
]


@pytest.mark.parametrize("name", first(5, NAMES))
def test_a_study_with_an_odd_name_runs(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The name is shown unchanged and gets its own file; nothing is written elsewhere."""
    home = tmp_path / "outer" / "home"
    home.mkdir(parents=True)
    (home / "study.py").write_text(study())
    monkeypatch.chdir(home)
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    assert main(["run", "study.py", "--trials", "1", "--workers", "1", f"--name={name}"]) == 0
    capfd.readouterr()
    where = ["--storage", default_url(name), f"--name={name}"]
    assert main(["status", *where, "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert main(["status", *where]) == 0
    shown = capfd.readouterr().out

    assert (report["study"], report["counts"]["COMPLETE"]) == (name, 1)
    assert "".join(name.split()) in "".join(shown.split())
    made = {path.relative_to(tmp_path).parts[:4] for path in tmp_path.rglob("*") if path.is_file()}
    of_study = ("outer", "home", "runs", folder_name(name))
    assert {parts for parts in made if "__pycache__" not in parts} == {
        ("outer", "home", "study.py"),
        of_study,
    }
