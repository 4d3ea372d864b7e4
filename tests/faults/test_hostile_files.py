"""Malicious files: unbounded memory, code in place of numbers."""

from __future__ import annotations

import io
import logging
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from objectives.binding.predict.adapter_folder import _tensors
from objectives.data.errors import RecordErrors
from objectives.data.formats import fasta
from objectives.data.formats.fasta import BadRecord, FastaRecord, read_fasta
from objectives.data.formats.fasta_labels import read_fasta_labels
from objectives.lora.base.checks import NO_TRUST, weight_faults
from objectives.lora.training.checkpoint import FILE, Checkpoints
from sweep.errors import DataError, SpecError


class Bomb:
    """An object whose unpickling creates a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        """What unpickling calls."""
        return Path.touch, (self.marker,)


def tensors(path: Path) -> bytes:
    """A valid safetensors file."""
    save_file({"a": torch.zeros(4)}, path)
    return path.read_bytes()


def header(size: int, content: bytes = b"{}") -> bytes:
    """A file whose header claims this length."""
    return size.to_bytes(8, "little") + content


FILES = {
    "a header without end": header(2**63 - 1),
    "a header of all ones": b"\xff" * 8,
    "a header of 99 MB": header(99_000_000),
    "a header beyond the file": header(10_000),
    "an offset without end": header(
        71, b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,9223372036854775807]}}'[:71]
    ),
    "a shape without end": header(
        86,
        b'{"a":{"dtype":"F32","shape":[4294967295,4294967295,9],"data_offsets":[0,16]}}       '
        + bytes(24),
    ),
    "a header of brackets": header(60_000, b"[" * 60_000),
    "nothing": b"",
    "a pickle": b"",
}


@pytest.fixture(params=FILES)
def hostile(request: pytest.FixtureRequest, tmp_path: Path) -> bytes:
    """The content of each malicious file."""
    if request.param != "a pickle":
        return FILES[request.param]
    held = io.BytesIO()
    torch.save({"a": Bomb(tmp_path / "marker")}, held)
    return held.getvalue()


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """Allocations of more than two gigabytes fail here."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + 2 * 2**30, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def test_malicious_weights_are_one_message(hostile: bytes, tmp_path: Path) -> None:
    """Weights of a base and of an adapter; no code in them runs."""
    (tmp_path / "model.safetensors").write_bytes(hostile)
    [fault] = weight_faults(tmp_path, NO_TRUST)
    assert fault.startswith("model.safetensors must be a whole weight file, got ")
    assert "\n" not in fault

    with pytest.raises(SpecError, match="must be a whole safetensors file, got "):
        _tensors(tmp_path / "model.safetensors")
    assert not (tmp_path / "marker").exists()


def test_a_malicious_checkpoint_is_not_used(
    hostile: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The trial starts anew, and logs why."""
    (tmp_path / FILE).write_bytes(hostile)
    with caplog.at_level(logging.WARNING, logger="lorasweep"):
        assert Checkpoints(str(tmp_path), {}).load() is None

    assert len(caplog.messages) == 1
    assert "is not used" in caplog.messages[0]
    assert not (tmp_path / "marker").exists()


LONG = 2000


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (">a\n" + "M" * (LONG + 1), 2),
        (">" + "a" * (LONG + 1) + "\nMK\n", 1),
        (">a\n" + f"{'M' * 99}\n" * 30, 21),
        (">a\nMK\n;" + "x" * (LONG + 1) + "\n", 3),
        ("M" * (LONG + 2), 1),
    ],
    ids=["a sequence", "a header", "many lines", "a comment", "no header"],
)
def test_an_endless_record_is_refused_at_its_line(
    text: str, line: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When predicting and when training, before all of it is in memory."""
    monkeypatch.setattr(fasta, "LONGEST", LONG)
    path = tmp_path / "x.fasta"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"at most 2,000 characters.*x\.fasta, line {line}\)"):
        list(read_fasta(str(path)))


def test_a_record_of_maximal_length_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last letter, and the next record is counted from zero."""
    monkeypatch.setattr(fasta, "LONGEST", LONG)
    path = tmp_path / "x.fasta"
    path.write_text(f">a\n{'MK' * (LONG // 2 - 2)}\n>b\n{'MK' * (LONG // 2 - 2)}\n")
    records = list(read_fasta(str(path)))

    assert [len(each.sequence) for each in records if isinstance(each, FastaRecord)] == [1996] * 2


def test_a_line_of_a_hundred_megabytes_is_one_message(tmp_path: Path) -> None:
    """With labels or without; it is not read to its end."""
    path = tmp_path / "x.fasta"
    with path.open("w") as file:
        file.write(">a\n")
        for _ in range(100):
            file.write("M" * 1_000_000)
    with pytest.raises(DataError, match=r"at most 10,000,000 characters.*x\.fasta, line 2\)"):
        list(read_fasta(str(path)))
    problems = RecordErrors()
    read_fasta_labels(path, "x.fasta", problems)
    with pytest.raises(DataError, match=r"at most 10,000,000 characters.*x\.fasta, line 2\)"):
        problems.settle("x.fasta", skip_bad=True)


HEADERS = {
    "escapes": ">\x1b[31mred\nMK\n",
    "order": ">a\u202egnp\nMK\n",
    "nothing": ">a\x00b\nMK\n",
    "half a character": b">a\xff\nMK\n",
}


@pytest.mark.parametrize("case", HEADERS)
def test_an_id_with_control_characters_is_refused(case: str, tmp_path: Path) -> None:
    """It enters no table; the message shows it escaped."""
    text = HEADERS[case]
    path = tmp_path / "x.fasta"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    [bad] = read_fasta(str(path))

    assert isinstance(bad, BadRecord)
    [fault] = bad.faults
    assert fault.startswith("header must ")
    assert fault.isprintable()
