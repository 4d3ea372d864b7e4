"""The prediction job over a file or a pipe: when input is read, and output on bad records."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from objectives.binding.predict.job import Job, Request
from sweep.errors import DataError

BAD_WITHIN = ">a\nMKV\n>b\nM-K\n>c\nMKV\n>d\nM1K\n" + "".join(
    f">q{number}\nMKVL\n" for number in range(5000)
)


def nothing(_: int) -> None:
    """A progress callback that does nothing."""


@pytest.fixture
def piped(kept: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Job]:
    """Makes a job that reads a text from a pipe."""

    def make(text: str, **options: Any) -> Job:
        pipe = io.BufferedReader(io.BytesIO(text.encode()))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
        return Job(Request(str(kept.folder), "-", device="cpu", **options))

    return make


def test_a_pipe_is_predicted_up_to_its_first_bad_record(piped: Callable[..., Job]) -> None:
    """The rest is only checked for faults, and the JSON array is not closed."""
    out, counts = io.StringIO(), []
    with pytest.raises(DataError) as raised:
        piped(BAD_WITHIN).run(out, "json", counts.append)

    assert [text.split(" must")[0] for text in raised.value.faults] == [
        "FASTA", "sequence", "sequence",
    ]  # fmt: skip
    assert "got '2 bad' (standard input)" in raised.value.faults[0]
    assert sum(counts) == 3
    assert out.getvalue().startswith('[\n{"chain": "a"')
    assert not out.getvalue().endswith("]\n")


def test_bad_records_of_a_pipe_are_skipped_when_asked(piped: Callable[..., Job]) -> None:
    """All others are predicted; skipped records are counted and listed."""
    report = piped(BAD_WITHIN, skip_bad=True).run(io.StringIO(), "tsv", nothing)

    assert (report["chains"], report["residues"]) == (5002, 20_006)
    assert report["skipped"] == 2
    assert "(standard input, line 4)" in report["skipped_bad"][0]


def test_the_amount_of_work_is_known_for_a_file_only(
    piped: Callable[..., Job], kept: Any, tmp_path: Path
) -> None:
    """A file is read once in advance."""
    path = tmp_path / "x.fasta"
    path.write_text(">a\nMKV\n>b\nMK\n")
    of_file = Job(Request(str(kept.folder), str(path), device="cpu"))

    assert of_file.residues == 5
    assert piped(">a\nMKV\n").residues is None


def test_a_file_that_changes_while_it_is_predicted_is_an_error(kept: Any, tmp_path: Path) -> None:
    """It was valid when it was read in advance."""
    path = tmp_path / "x.fasta"
    path.write_text(">a\nMKV\n")
    job = Job(Request(str(kept.folder), str(path), device="cpu"))
    path.write_text(">a\nM-\n")

    with pytest.raises(DataError, match="hold no bad record"):
        job.run(io.StringIO(), "tsv", nothing)


def test_a_missing_page_chain_of_a_pipe_is_an_error_at_the_end(piped: Callable[..., Job]) -> None:
    """Only at the end of the pipe is it known to be missing."""
    job = piped(">a\nMKV\n", page=True, chain="b")

    with pytest.raises(DataError, match=r"--chain must be the id of a record, .* got 'b'"):
        job.run(None, "tsv", nothing)


def test_a_page_is_made_after_the_run(piped: Callable[..., Job]) -> None:
    """And only of the requested chain."""
    job = piped(">a\nMKV\n>b <i>\nMKVL\n", page=True, chain="b")
    with pytest.raises(RuntimeError, match="drawn after it"):
        job.page()
    report = job.run(None, "tsv", nothing)

    assert report["chains"] == 1
    assert "of 4 residues are called" in job.page()
    assert "b &lt;i&gt;" not in job.page()
    assert "&lt;i&gt;" in job.page()


def test_another_number_format_than_in_training_is_noted(
    kept: Any, spoil: Callable[..., Path], tmp_path: Path
) -> None:
    """Probabilities then agree less closely."""
    path = tmp_path / "x.fasta"
    path.write_text(">a\nMKV\n")
    same = Job(Request(str(kept.folder), str(path), device="cpu"))
    other = spoil("trial.json", compute_dtype="bfloat16")
    noted = Job(Request(str(other), str(path), device="cpu"))

    assert len(same.notes) == 1
    assert noted.notes[1] == "computes in float32, where the adapter was trained in bfloat16"
