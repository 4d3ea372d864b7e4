"""Parsing of command lines: options, errors, shell completion."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
from command import PROGRAM

from sweep.cli.main import main, parse
from sweep.errors import UsageError

STATUS = ["status", "--storage", "sqlite:///s.db"]

REFUSED = {
    "status --storage": "--storage must be followed by its value, got None. See lorasweep status",
    "status --storage --json": "--storage must be followed by its value, got '--json'. If that is "
    "its value, write --storage=--json.",
    "run s.py --name --trials 3": "--name must be followed by its value, got '--trials'. If",
    "run s.py --trials -- 3": "--trials must be followed by its value, got None. See lorasweep run",
    "run s.py --json=no": "--json must be given without a value, got 'no'. See lorasweep run",
    "run s.py --trials=": "--trials must be a whole number, got ''. See lorasweep run",
    "run s.py --trials 1e3": "--trials must be a whole number, got '1e3'. See lorasweep run",
    "run s.py --seconds soon": "--seconds must be a number, got 'soon'. See lorasweep run",
    "run s.py --launcher LOCAL": "--launcher must be one of local, ray, got 'LOCAL'. See",
    "run s.py --strorage x": "an option must be one that lorasweep run takes, got '--strorage'. "
    "Did you mean --storage? See lorasweep run --help.",
    "run s.py --tr 3": "an option must be one that lorasweep run takes, got '--tr'.",
    "run s.py -n x": "an option must be one that lorasweep run takes, got '-n'. See",
    "run s.py --json true": "an argument must be one that lorasweep run takes, got 'true'. See",
    "copy a": "TO must be given, got None. See lorasweep copy --help.",
    "adapters export --out x --storage y": "--trial must be given, got None. See lorasweep "
    "adapters export --help.",
    "data": "lorasweep data must be followed by one of fetch, describe, convert, got None. See",
    "data eat": "lorasweep data must be followed by one of fetch, describe, convert, got 'eat'.",
    "statsu": "got 'statsu'. Did you mean status? See lorasweep --help.",
    "--json": "adapters, data, got '--json'. See lorasweep --help.",
    "--version=2": "adapters, data, got '--version=2'. See lorasweep --help.",
    "--version=2 run": 'the command line must be as lorasweep --help shows, got "Option ',
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_wrong_command_line_is_refused_with_one_message(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2, on stderr, and in the JSON document if requested."""
    assert main(line.split()) == 2
    output = capsys.readouterr()

    assert output.err.startswith("lorasweep: ")
    assert output.err.count("\n") == 1
    assert REFUSED[line] in output.err
    if "--json" in line.split():
        assert REFUSED[line] in json.loads(output.out)["error"]
    else:
        assert output.out == ""


def test_options_without_values_are_reported_together() -> None:
    """Not only the first."""
    with pytest.raises(UsageError) as caught:
        parse(["run", "s.py", "--name", "--take-over=yes", "--keep"])

    assert [text.split()[0] for text in caught.value.faults] == ["--name", "--take-over", "--keep"]


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["run", "s.py", "--trials", "3"], {"study": "s.py", "trials": 3}),
        (["run", "--trials=3", "s.py"], {"study": "s.py", "trials": 3}),
        (["run", "--trials", "3", "--", "-s.py"], {"study": "-s.py", "trials": 3}),
        (["run", "s.py", "--trials", "-3", "--seconds", "-.5"], {"trials": -3, "seconds": -0.5}),
        (
            ["run", "s.py", "--seconds", "1e3", "--trials", "1_000"],
            {"seconds": 1e3, "trials": 1000},
        ),
        (["run", "s.py", "--seconds", "inf"], {"seconds": float("inf")}),
        (
            ["run", "s.py", "--name=--json", "--keep="],
            {"name": "--json", "keep": "", "json": False},
        ),
        (["run", "s.py", "--name", "a", "--name", "b"], {"name": "b"}),
        (["run", "s.py", "--set", "a=-1", "--set", "b"], {"settings": ["a=-1", "b"]}),
        (["run", "s.py"], {"settings": [], "track": [], "workers": "auto", "launcher": "local"}),
        (
            ["run", "caf\udce9.py", "--name", "\x1b\0 "],
            {"study": "caf\udce9.py", "name": "\x1b\0 "},
        ),
        (["predict", "-", "--adapter", "a", "--format", "TSV"], {"fasta": "-", "format": "tsv"}),
        (
            ["data", "convert", "s", "--out", "o", "--format", "Csv"],
            {"source": "s", "format": "csv"},
        ),
        (["pilot", "s.py"], {"final_test": False}),
        ([*STATUS, "--json"], {"storage": "sqlite:///s.db", "json": True, "failed": False}),
        (
            ["status", "--stor=sqlite:///s.db", "--fa"],
            {"storage": "sqlite:///s.db", "failed": True},
        ),
        (["run", "s.py", "--tri", "3"], {"trials": 3}),
        (["watch", *STATUS[1:]], {"port": 8088, "open": False, "quick": False}),
        (["dashboard", *STATUS[1:]], {"port": 8080}),
    ],
)
def test_a_command_line_gives_options(arguments: list[str], given: dict[str, object]) -> None:
    """In any order, unchanged; the function is that of the command."""
    options = parse(arguments)

    assert {name: getattr(options, name) for name in given} == given
    assert options.verb.__name__ in arguments[:2]
    assert list(options.command) == ["lorasweep", *arguments]


def test_parsed_options_share_no_mutable_default() -> None:
    """Changing a list changes only one result."""
    first, second = parse(["run", "s.py"]), parse(["run", "s.py"])

    shared = [
        each.name
        for each in fields(first)
        if isinstance(getattr(first, each.name), list)
        and getattr(first, each.name) is getattr(second, each.name)
    ]
    assert shared == []


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("st", {"status"}),
        ("data ", {"fetch", "describe", "convert"}),
        ("status --st", {"--storage"}),
        ("run s.py --launcher ", {"local", "ray"}),
    ],
)
def test_a_shell_completes_verbs_options_and_choices(words: str, offered: set[str]) -> None:
    """As requested by the script of ``--show-completion``, in bash."""
    line = f"lorasweep {words}"
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    done = subprocess.run(
        [PROGRAM],
        env={**os.environ, **asked, "_LORASWEEP_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == offered
    assert done.stderr == ""


def test_completion_is_shown_and_installed_for_the_current_shell(tmp_path: Path) -> None:
    """In the user's home."""
    shell = ["bash", "-c", '"$L" --show-completion && "$L" --install-completion; exit $?']
    done = subprocess.run(
        shell,
        env={**os.environ, "HOME": str(tmp_path), "L": PROGRAM},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "_LORASWEEP_COMPLETE=complete_bash" in done.stdout
    assert "completion installed in" in done.stdout
    assert "lorasweep" in (tmp_path / ".bashrc").read_text()
