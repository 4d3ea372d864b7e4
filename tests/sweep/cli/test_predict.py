"""``lorasweep predict``: from an adapter's folder and a FASTA file to result files."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from command import PROGRAM

from sweep.cli import main

pytestmark = pytest.mark.integration

LENGTHS = {"first": 19, "second": 9, "third": 1}


def predict(adapter: Path, *arguments: object) -> int:
    """Run the command in this process."""
    return main(["predict", "--adapter", str(adapter), *map(str, arguments)])


def pipe_of(data: bytes) -> io.TextIOWrapper:
    """A standard input that is a pipe with this text."""
    return io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)))


def test_a_table_goes_to_stdout_and_messages_to_stderr(
    adapter: Path, fasta: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every residue once, in the file's order; the threshold and its origin are printed."""
    assert predict(adapter, fasta) == 0
    out, err = capsys.readouterr()
    rows = [line.split("\t") for line in out.splitlines()]
    threshold = json.loads((adapter / "trial.json").read_text())["threshold"]

    assert rows[0] == ["chain", "position", "residue", "probability", "call"]
    assert [(row[0], int(row[1])) for row in rows[1:]] == [
        (name, at) for name, length in LENGTHS.items() for at in range(1, length + 1)
    ]
    assert all(int(row[4]) == (float(row[3]) > threshold) for row in rows[1:])
    assert f"calls residues above {threshold:.6g} (the adapter's, with the best MCC" in err
    assert "29 residues of 3 chains, " in err


@pytest.mark.parametrize(
    ("name", "form", "begins"),
    [
        ("x.tsv", None, "chain\tposition"),
        ("x.json", None, '[\n{"chain": "first"'),
        ("x.GFF3", None, "##gff-version 3\n##sequence-region first 1 19\n"),
        ("x.gff", None, "##gff-version 3\n"),
        ("x.txt", "tsv", "chain\tposition"),
        ("x.tsv", "GFF3", "##gff-version 3\n"),
    ],
)
def test_the_suffix_or_the_option_determines_the_format(
    adapter: Path, fasta: Path, name: str, form: str | None, begins: str
) -> None:
    """The folder contains only that file."""
    options = [] if form is None else ["--format", form]
    out = fasta.with_name(name)

    assert predict(adapter, fasta, "--out", out, *options) == 0
    assert out.read_text().startswith(begins)
    assert sorted(fasta.parent.iterdir()) == sorted([fasta, out])


def test_json_is_a_summary_beside_the_files(
    adapter: Path, fasta: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document on stdout."""
    out, page = fasta.with_name("x.json"), fasta.with_name("x.html")
    fasta.write_text(fasta.read_text() + ">bad\nM-K\n>last\nMK\n")
    files = ("--out", out, "--html", page, "--chain", "last")

    assert predict(adapter, fasta, "--json", "--skip-bad", "--threshold", "0.25", *files) == 0
    stdout, stderr = capsys.readouterr()
    report = json.loads(stdout)
    tree = json.loads(out.read_text())
    assert report["called"] == sum(each["calls"].count("1") for each in tree)
    assert (report["chains"], report["residues"], report["skipped"]) == (4, 31, 1)
    assert (report["out"], report["html"], report["format"]) == (str(out), str(page), "json")
    assert (report["threshold"], report["threshold_from"]) == (0.25, "as asked for")
    assert report["seconds"] > 0
    assert "hold no gap (first at residue 2), got '-' (chains.fasta, line 8)" in stderr
    assert "hold no gap" in report["skipped_bad"][0]
    assert "<h1>last</h1>" in page.read_text()


def test_a_page_alone_predicts_one_chain(
    adapter: Path, fasta: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first one unless another is named; nothing on stdout."""
    page = fasta.with_name("x.html")
    for options, name in (((), "first"), (("--chain", "second"), "second")):
        assert predict(adapter, fasta, "--html", page, *options) == 0
        out, err = capsys.readouterr()
        assert out == ""
        assert f"{LENGTHS[name]} residues of 1 chain, " in err
        assert f"<h1>{name}</h1>" in page.read_text()


@pytest.mark.parametrize(("threshold", "above"), [("argmax", 0.5), ("0.1", 0.1)])
def test_another_threshold_is_used(
    adapter: Path, fasta: Path, threshold: str, above: float, capsys: pytest.CaptureFixture[str]
) -> None:
    """Calls follow it."""
    assert predict(adapter, fasta, "--format", "json", "--threshold", threshold) == 0
    out, err = capsys.readouterr()

    assert f"calls residues above {above} (as asked for)" in err
    for chain in json.loads(out):
        calls = "".join(str(int(each > above)) for each in chain["probabilities"])
        assert (chain["threshold"], chain["calls"]) == (above, calls)


def test_standard_input_is_predicted_like_a_file(
    adapter: Path,
    fasta: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the same bytes."""
    assert predict(adapter, fasta) == 0
    expected = capsys.readouterr().out
    monkeypatch.setattr(sys, "stdin", pipe_of(fasta.read_bytes()))

    assert predict(adapter, "-") == 0
    assert capsys.readouterr().out == expected


BAD = ">a\nMK\n>b\nM-K\n>a\nMK\n>c\n\n"


@pytest.mark.parametrize("pipe", [False, True])
def test_all_bad_records_are_reported_and_no_file_is_left(
    adapter: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    pipe: bool,
) -> None:
    """A file is read before prediction; results of a pipe do not get their final name."""
    path, out = tmp_path / "bad.fasta", tmp_path / "x.tsv"
    path.write_text(BAD)
    out.write_text("earlier")
    monkeypatch.setattr(sys, "stdin", pipe_of(BAD.encode()))

    assert predict(adapter, "-" if pipe else path, "--out", out, "--json") == 1
    stdout, stderr = capsys.readouterr()
    assert "FASTA must hold no bad record, got '3 bad'" in stderr
    assert [line.split(" must")[0] for line in stderr.splitlines()[-3:]] == [
        "lorasweep: sequence",
        "lorasweep: id",
        "lorasweep: sequence",
    ]
    assert json.loads(stdout)["error"].startswith("FASTA must hold no bad record")
    assert out.read_text() == "earlier"
    assert sorted(tmp_path.iterdir()) == [path, out]


def test_many_bad_records_are_counted(
    adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first twenty are shown."""
    path = tmp_path / "bad.fasta"
    path.write_text("".join(f">q{number}\nM-\n" for number in range(33)))

    assert predict(adapter, path) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "got '33 bad'" in lines[0]
    assert lines[-1] == "lorasweep: and 13 more"
    assert len(lines) == 22
    assert predict(adapter, path, "--skip-bad") == 1
    assert "FASTA must hold a record that can be used, got '33 bad'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "reasons"),
    [
        (
            ["--threshold", "1"],
            ["--threshold must be a probability above 0 and below 1, or argmax"],
        ),
        (["--threshold", "nan"], ["or argmax, which is 0.5, got 'nan'."]),
        (["--out", "x.csv"], ["--out must end in .tsv, .json, .gff3, .gff, got 'x.csv'."]),
        (["--out", "."], ["--out must be a file, got '.' (it is a folder)."]),
        (
            ["--out", "/dev/null"],
            ["--out must be a file, got '/dev/null' (it is a device or a pipe"],
        ),
        (["--out", "no/x.tsv"], ["--out must be in a folder that exists, got 'no/x.tsv'."]),
        (["--out", "chains.fasta"], ["--out must be another file than the FASTA file"]),
        (["--out", "x.tsv", "--html", "x.tsv"], ["--html must be another file than --out"]),
        (["--html", "n" * 300], ["--html must be a path, got"]),
        (["--json"], ["--out must be given with --json"]),
        (["--chain", "first"], ["--chain must be given with --html, got 'first'."]),
        (["--device", "gpu"], ["--device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got 'gpu'."]),
        (["--html", "x.html", "--chain", "n"], ["--chain must be the id of a record"]),
        (["--base", "nowhere/x", "--out", "x.tsv"], ["base must be a local folder"]),
        (
            ["--threshold", "2", "--out", "x", "--chain", "y", "--device", "z"],
            ["--threshold must", "--out must", "--chain must", "--device must"],
        ),
    ],
)
def test_wrong_options_are_reported_together(
    adapter: Path,
    fasta: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: Sequence[str],
    reasons: Sequence[str],
) -> None:
    """Before anything is written."""
    monkeypatch.chdir(fasta.parent)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    assert predict(adapter, fasta, *options) in (1, 2)
    lines = [line for line in capsys.readouterr().err.splitlines() if " must " in line]
    assert len(lines) == len(reasons)
    assert all(text in line for text, line in zip(reasons, lines, strict=True)), lines
    assert list(fasta.parent.iterdir()) == [fasta]


def test_a_folder_that_cannot_be_written_is_an_error(
    adapter: Path,
    fasta: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the option that named it."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert predict(adapter, fasta, "--out", fasta.with_name("x.tsv")) == 1
    assert "--out must be on a disk with room" in capsys.readouterr().err
    assert predict(adapter, fasta, "--html", fasta.with_name("x.html")) == 1
    assert "--html must be a file that can be written" in capsys.readouterr().err
    assert list(fasta.parent.iterdir()) == [fasta]


def started(adapter: Path, folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """The command in a separate process, reading a pipe that stays open."""
    return subprocess.Popen(
        [PROGRAM, "predict", "--adapter", str(adapter), "-", *options],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def feed(process: subprocess.Popen[bytes], chains: int) -> None:
    """Write chains into its pipe."""
    assert process.stdin is not None
    for number in range(chains):
        process.stdin.write(f">q{chains}.{number}\n{'MKVLAAGDKR' * 20}\n".encode())
    process.stdin.flush()


def test_a_stopped_run_leaves_no_partial_file(adapter: Path, tmp_path: Path) -> None:
    """Partial results have another name and are deleted; existing files stay; exit code 143."""
    (tmp_path / "x.tsv").write_text("earlier")
    with started(adapter, tmp_path, "--out", "x.tsv") as process:
        feed(process, 300)
        deadline = time.monotonic() + 120
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        under_way = list(tmp_path.iterdir())
        process.send_signal(signal.SIGTERM)  # while it waits for input
        _, output = process.communicate(timeout=60)

    assert len(under_way) == 2
    assert process.returncode == 128 + signal.SIGTERM
    assert b"stopped by SIGTERM" in output
    assert b"Traceback" not in output
    assert [path.name for path in tmp_path.iterdir()] == ["x.tsv"]
    assert (tmp_path / "x.tsv").read_text() == "earlier"


@pytest.mark.slow
def test_a_closed_output_pipe_is_no_failure(adapter: Path, tmp_path: Path) -> None:
    """As with ``| head``; the first results are written before the input has ended."""
    process = started(adapter, tmp_path)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    feed(process, 300)
    first = process.stdout.readline()
    process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        feed(process, 3000)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    output = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)

    assert first == b"chain\tposition\tresidue\tprobability\tcall\n"
    assert process.returncode == 0
    assert b"Traceback" not in output
    assert b"Exception ignored" not in output


def test_asking_for_help_loads_no_model_library() -> None:
    """Importing torch takes seconds."""
    code = (
        "import sys\nfrom sweep.cli import main\n"
        "try:\n    main(['predict', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert not {'torch', 'transformers', 'objectives'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    assert "--adapter DIR" in run.stdout


def test_the_command_needs_an_adapter(capsys: pytest.CaptureFixture[str]) -> None:
    """It has no default."""
    assert main(["predict", "x.fasta"]) == 2
    assert "lorasweep: --adapter must be given, got None." in capsys.readouterr().err
