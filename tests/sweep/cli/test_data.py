"""The command ``data``."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from command import lorasweep
from file_server import serving
from relatives import unlike

from sweep.cli import main
from sweep.cli.progress_bars import byte_bar
from sweep.cli.terminal_data import print_described
from sweep.terminal.console import make_console


@pytest.fixture
def chains(tmp_path: Path) -> Path:
    """Dissimilar chains of two ligands, in text files."""
    folder = tmp_path / "chains" / "train"
    folder.mkdir(parents=True)
    for ligand, seed in (("ATP", 0), ("ZN", 1)):
        lines = (f"{k}ABC;{seed};{s[0]}1;{s}\n" for k, s in enumerate(unlike(6, 60, seed)))
        (folder / f"{ligand}_x.txt").write_text("".join(lines))
    return tmp_path / "chains"


def test_describe_and_convert_print_plainly_and_as_json(
    chains: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table without control characters, or one document."""
    assert main(["data", "convert", str(chains), "--out", str(tmp_path / "c.parquet")]) == 0
    assert "read back equal" in capsys.readouterr().out
    describe = ["data", "describe", str(tmp_path / "c.parquet"), "--leakage", "kmers"]
    assert main(describe) == 0
    plain = capsys.readouterr().out
    assert main([*describe, "--json", "--set", "validation_fraction=0.4"]) == 0
    tree = json.loads(capsys.readouterr().out)

    assert "\x1b" not in plain
    assert "ligand" in plain
    assert "at 90 %" in plain
    assert "read     train: c.parquet, 12 chains" in plain
    assert tree["records"] == 12
    assert tree["split_method"].startswith("40% of the training residues")


def test_a_description_on_a_terminal_has_rules() -> None:
    """An unknown value is a dash."""
    figures = {"chains": 2, "residues": 9, "positives": 1, "positives_share": 0.11}
    split = {**figures, "chains_without_positives": 0, "masked": 3, "lengths": {"min": 4, "max": 5}}
    report = {
        "source": "x",
        "records": 3,
        "merged": 1,
        "dropped_overlap": 0,
        "dropped_long": 0,
        "skipped_bad": [f"record {number} is bad." for number in range(23)],
        "left_open": {"entries without a feature": 7},
        "files": {"train": {f"{at:02}.csv": 1 for at in range(22)}},
        "passed_over": ["a.xlsx: is of no format that is read"],
        "notes": ["most residues bind"],
        "split_method": "somehow",
        "clusters": 2,
        "largest_cluster": 1,
        "splits": {"train": split},
        "ligands": {},
        "families": {"families": 0},
        "leakage": {
            "method": "by eye",
            "test": {
                "chains": 4,
                "identical": 0.0,
                "identity_90": 0.25,
                "identity_50": 0.5,
                "identity_30": None,
            },
        },
    }
    stream = io.StringIO()
    print_described(report, make_console(stream))

    text = stream.getvalue()
    assert "7 entries without a feature" in text
    assert "skipped  record 0 is bad." in text
    assert "skipped  record 19 is bad." in text
    assert "record 20" not in text
    assert "and 3 more with --json" in text
    assert "read     train: 19.csv, 1 chains\n         and 2 more with --json" in text
    assert "passed over  a.xlsx: is of no format" in text
    assert "note     most residues bind" in text
    assert "no ligand is named" in text
    assert "0.0 %   25.0 %   50.0 %        -" in text


def test_fetch_from_the_command_line(shared: Path, tmp_path: Path) -> None:
    """From a mirror; a sweep's ``check`` can read the folder."""
    from objectives.data.tools.fetch import collection

    for file in collection("yu2013").files:
        target = tmp_path / "mirror" / file.address
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((shared / "data" / "binding_residues" / file.path).read_bytes())
    with serving(tmp_path / "mirror") as files:
        done = lorasweep(tmp_path, "data", "fetch", "yu2013", "--mirror", files.url, "--json")

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["fetched"] == 20
    assert len(list((tmp_path / "data" / "yu2013" / "train").iterdir())) == 10


def test_the_bar_is_shown_only_on_a_terminal() -> None:
    """Never in a pipe."""
    stream = io.StringIO()
    with byte_bar(1000, stream) as advance:
        advance(500)

    assert stream.getvalue() == ""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with byte_bar(2000, terminal) as advance:
        advance(700)
        advance(300)

    assert "1.0/2.0 kB" in terminal.getvalue()


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["fetch", "yu2012"], 2, "NAME must be one of yu2013, got 'yu2012'"),
        (["describe", "nowhere"], 1, "data must be a path that exists"),
        (["describe", "builtin:motifs", "--set", "rank=2"], 2, "--set rank must be a setting"),
        (["convert", "builtin:motifs", "--out", "x.xlsx"], 2, "--out must end in .parquet"),
    ],
)
def test_bad_input_is_one_error(
    arguments: list[str],
    code: int,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the exit code of its kind."""
    monkeypatch.chdir(tmp_path)

    assert main(["data", *arguments]) == code
    assert expected in capsys.readouterr().err
