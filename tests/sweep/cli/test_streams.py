"""Standard streams that are closed, full, or cannot encode the output."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
from pathlib import Path

import optuna
import pytest
from command import PROGRAM

from sweep.cli import main
from sweep.cli.streams import lacking, say
from sweep.terminal.console import make_console
from sweep.terminal.formatting import line, table
from sweep.terminal.printable import printable

pytestmark = pytest.mark.integration

HOSTILE = "\x1b[31mred\x07 \u202egnp.exe\x00 [bold]b[/] :smile:\r\x9b2J \ud800 end"
SHOWN = "\\x1b[31mred\\x07 \\u202egnp.exe\\x00 [bold]b[/] :smile:\\r\\x9b2J \\ud800 end"


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A study of plain Optuna, with a name that is not ASCII."""
    url = f"sqlite:///{tmp_path_factory.mktemp('streams')}/study.db"
    study = optuna.create_study(storage=url, study_name="Zinkbindung µ naïve")
    study.optimize(lambda trial: trial.suggest_float("größe", 0, 1), n_trials=3)
    return url


def shell(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash; ``$L`` is the command."""
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "L": PROGRAM, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


STREAMS = {
    "a full disk": (
        "$L status --storage URL > /dev/full",
        1,
        "stdout must take what is printed, got 'No space left on device'.",
    ),
    "a full disk for the help": (
        "$L status --help > /dev/full",
        1,
        "stdout must take what is printed, got 'No space left on device'.",
    ),
    "a reader of the help who leaves": ("$L status --help | true; exit ${PIPESTATUS[0]}", 0, ""),
    "no stdout": ("$L status --storage URL >&-", 1, "stdout must be open, got 'closed'."),
    "no stderr": ("$L status --storage URL 2>&-", 0, ""),
    "no stdin": ("$L status --storage URL <&-", 0, ""),
    "no stream": ("$L status --storage URL <&- >&- 2>&-", 1, ""),
    "no current folder": (
        "mkdir gone; cd gone; rmdir ../gone; $L status --storage URL",
        1,
        "the current folder must be one that exists, got 'No such file or directory'.",
    ),
}


@pytest.mark.parametrize("case", STREAMS)
def test_a_closed_or_full_stream_is_at_most_one_message(
    case: str, storage: str, tmp_path: Path
) -> None:
    """And the exit code of the case."""
    script, code, expected = STREAMS[case]
    done = shell(script.replace("URL", shlex.quote(storage)), tmp_path)

    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.stderr.count("\n") <= 1
    assert done.stderr.startswith(f"lorasweep: {expected}" if expected else "")
    assert bool(done.stderr) == bool(expected)


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("status", "--json"),
        pytest.param(("importance", "--quick"), marks=pytest.mark.slow),
    ],
)
def test_a_closed_stdout_pipe_ends_the_command_quietly(
    arguments: tuple[str, ...], storage: str, tmp_path: Path
) -> None:
    """As with ``| head -1``."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [PROGRAM, *arguments, "--storage", storage],
            cwd=tmp_path,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
    finally:
        os.close(writing)

    assert done.returncode == 0
    assert done.stderr == b""


def test_a_command_with_a_broken_stderr_exits_with_141(tmp_path: Path) -> None:
    """A failing command that cannot print its message: the exit code of SIGPIPE."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        command = [PROGRAM, "status", "--storage", f"sqlite:///{tmp_path}/none.db"]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=writing, timeout=120, check=False
        )
    finally:
        os.close(writing)

    assert done.returncode == 141
    assert done.stdout == b""


def test_characters_that_a_stream_cannot_encode_are_escaped(storage: str, tmp_path: Path) -> None:
    """A terminal without UTF-8 shows the others."""
    script = f"$L status --storage {shlex.quote(storage)}"
    done = shell(script, tmp_path, PYTHONIOENCODING="ascii")

    assert done.returncode == 0, done.stderr
    assert "study      Zinkbindung \\xb5 na\\xefve" in done.stdout


def test_control_characters_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """In a console's lines and tables, and in messages on stderr."""
    assert printable(HOSTILE) == SHOWN
    assert printable("größe 蛋白 é") == "größe 蛋白 é"
    console = make_console()
    line(console, HOSTILE)
    console.print(HOSTILE.replace("\ud800", ""))
    table(console, [HOSTILE], [[HOSTILE]])
    out = capsys.readouterr().out
    say(f"{HOSTILE}\nnext")
    err = capsys.readouterr().err

    assert out.count(SHOWN) == 3
    assert err == f"lorasweep: {SHOWN}\nlorasweep: next\n"
    assert (out + err).replace("\n", "").isprintable()


@pytest.mark.parametrize("style", ["a terminal", "a pipe"])
def test_a_console_prints_only_its_own_escape_sequences(style: str, tmp_path: Path) -> None:
    """Those by which rich styles a line."""
    with (tmp_path / "out").open("w+", encoding="utf-8") as file:
        if style == "a terminal":
            file.isatty = lambda: True  # type: ignore[method-assign]
        line(make_console(file), "\x1b[2Jname", "bold")
        file.seek(0)
        text = file.read()

    assert "\\x1b[2Jname" in text
    assert ("\x1b[1m" in text) is (style == "a terminal")
    assert "\x1b[2J" not in text


def test_errors_of_a_command_line_escape_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A pasted command line may contain anything."""
    lines = (["dance\x1b[31m"], ["status", "--\x1b[31m"], ["status", "--storage", "x", "\x1b[31m"])
    for line_typed in lines:
        assert main(line_typed) == 2
        output = capsys.readouterr().err
        assert "\\x1b[31m" in output
        assert "\x1b" not in output


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.EMFILE, "x", "a.db"), "'Too many open files' (a.db). Raise the limit"),
        (OSError(errno.ENOSPC, "x"), "got 'No space left on device'. Make room there."),
        (MemoryError(), "got 'Cannot allocate memory'. Free memory, or"),
        (OSError(errno.ENOENT, "x"), ""),
        (OSError("odd"), ""),
    ],
)
def test_missing_resources_are_one_message(error: OSError | MemoryError, expected: str) -> None:
    """Other errors are bugs, and keep their traceback."""
    assert expected in lacking(error)
    assert bool(lacking(error)) == bool(expected)
