"""Checkpoints are complete or not used, and a failing disk does not fail a trial."""

from __future__ import annotations

import errno
import json
import logging
import os
import random
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from interrupting import Reports, deterministic, one_run
from safetensors import SafetensorError
from safetensors.torch import save_file
from tiers import first

from objectives.binding.objective import BindingObjective
from objectives.lora.training.checkpoint import FILE, FORMAT, Checkpoint, Checkpoints
from sweep.study.trial import TrialParams

Make = Callable[..., BindingObjective]
IDENTITY = {"seed": 1, "values": {"rank": 4, "rate": 1e-3}}
TENSORS = {
    "matrix": torch.arange(6.0).reshape(2, 3),
    "half": torch.tensor([0.1, -2.5], dtype=torch.bfloat16),
    "count": torch.tensor(3.0),
    "state": torch.arange(5, dtype=torch.uint8),
    "empty": torch.empty(0, 4),
}
TREE: dict[str, Any] = {
    "losses": [0.1, 1e-310, 1 / 3, 2.0**60 + 1],
    "figures": {"mcc": -0.0, "roc_auc": None, "per_ligand": {"A+": {"mcc": 0.5}}, "flag": True},
    "odd": [float("inf"), -float("inf")],
    "seed": 2**63 - 1,
}
SMALL = {"steps": 4, "evaluate_every": 0.5}
VALUES = {"rank": 2, "targets": "query"}


def assert_empty(folder: Path) -> None:
    """No file remains, not even a partial one."""
    assert [path for path in folder.rglob("*") if not path.is_dir()] == []


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Messages of the project's logger."""
    return [record.getMessage() for record in caplog.records if record.name == "lorasweep"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A valid checkpoint."""
    assert Checkpoints(str(tmp_path), IDENTITY).save(Checkpoint(TENSORS, TREE))
    return tmp_path / FILE


def load(path: Path, identity: dict[str, Any] = IDENTITY) -> Checkpoint | None:
    """The checkpoint that a trial finds."""
    return Checkpoints(str(path.parent), identity).load()


def test_a_checkpoint_round_trips_bit_for_bit(path: Path) -> None:
    """Dtypes, shapes, denormals, None, infinities and nested values."""
    found = load(path)

    assert found is not None
    assert found.tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert (found.tensors[name].dtype, found.tensors[name].shape) == (
            tensor.dtype,
            tensor.shape,
        )
        assert torch.equal(found.tensors[name], tensor)
    tree = {name: value for name, value in found.tree.items() if name != "identity"}
    assert repr(tree) == repr(TREE)  # distinguishes -0.0 from 0.0 and 1.0 from 1
    assert [each.name for each in path.parent.iterdir()] == [FILE]


def test_nan_round_trips_too(tmp_path: Path) -> None:
    """A NaN metric is kept."""
    checkpoints = Checkpoints(str(tmp_path), IDENTITY)
    checkpoints.save(Checkpoint({}, {"figure": float("nan")}))
    found = checkpoints.load()

    assert found is not None
    assert found.tree["figure"] != found.tree["figure"]


def test_a_loaded_checkpoint_outlives_its_file(path: Path) -> None:
    """Its tensors are in memory, not mapped from the file that the next checkpoint replaces."""
    found = load(path)
    path.write_bytes(b"")

    assert found is not None
    assert torch.equal(found.tensors["matrix"], TENSORS["matrix"])


def test_no_folder_means_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written, found or logged."""
    monkeypatch.chdir(tmp_path)
    checkpoints = Checkpoints("", IDENTITY)

    assert not checkpoints.save(Checkpoint(TENSORS, TREE))
    assert checkpoints.load() is None
    assert_empty(tmp_path)


def test_no_checkpoint_yet_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first run finds none, and logs nothing."""
    assert Checkpoints(str(tmp_path / "not" / "yet"), IDENTITY).load() is None
    assert warnings(caplog) == []


def test_a_truncated_checkpoint_is_not_used(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """From empty to one byte short; each time a warning is logged."""
    data = path.read_bytes()
    lengths = [*range(12), *random.Random(0).sample(range(12, len(data)), 60), len(data) - 1]
    for length in lengths:
        path.write_bytes(data[:length])
        assert load(path) is None, length

    assert len(warnings(caplog)) == len(lengths)
    assert "is not used (SafetensorError: " in warnings(caplog)[0]
    assert warnings(caplog)[0].endswith("; the trial starts anew")


def test_a_checkpoint_with_a_flipped_bit_is_not_used(path: Path) -> None:
    """In the header, the JSON or a tensor; safetensors alone would not detect the last."""
    data = bytearray(path.read_bytes())
    for place in range(len(data)):
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        found = load(path)
        same = found is not None and found.tree == {**TREE, "identity": found.tree["identity"]}
        assert found is None or same, place  # blanks that pad the header have no meaning
        data[place] ^= 1 << place % 8
    path.write_bytes(data)

    assert load(path) is not None


def test_foreign_files_are_not_used(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Other weights, a pickle, text, or a folder of that name."""
    save_file({"weight": torch.zeros(2)}, path)
    assert load(path) is None
    save_file({"weight": torch.zeros(2)}, path, {"lorasweep": "{}", "sha256": "0"})
    assert load(path) is None
    torch.save({"weight": torch.zeros(2)}, path)
    assert load(path) is None
    path.write_text("not a checkpoint")
    assert load(path) is None
    path.unlink()
    path.mkdir()
    assert load(path) is None
    assert len(warnings(caplog)) == 5


def test_another_trials_checkpoint_is_not_used(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning says in what it differs."""
    assert load(path, {**IDENTITY, "seed": 2}) is None
    assert load(path, {"seed": 1, "values": {"rank": 8}, "more": 1}) is None
    assert "(ValueError: it is another trial's, of other seed)" in warnings(caplog)[0]
    assert "of other more, values)" in warnings(caplog)[1]


def test_an_older_format_is_not_used(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning says that this version cannot continue it."""
    monkeypatch.setattr("objectives.lora.training.checkpoint.FORMAT", FORMAT + 1)

    assert load(path) is None
    assert "of other format" in warnings(caplog)[0]


def test_leftovers_of_a_killed_writer_are_deleted(path: Path) -> None:
    """The checkpoint beside them stays."""
    (path.parent / f"{FILE}.123.tmp").write_bytes(b"half")
    (path.parent / f"{FILE}.124.tmp").mkdir()

    assert load(path) is not None
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "expected"),
    first(
        2,
        [
            ("seed", "of other seed)"),
            ("values", "of other settings, values)"),
            ("settings", "of other settings)"),
            ("inputs", "of other inputs)"),
        ],
    ),
)
def test_a_changed_trial_starts_from_step_0(
    make_objective: Make,
    tiny_data: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    change: str,
    expected: str,
) -> None:
    """Its metrics are those of a trial without a checkpoint."""
    params = TrialParams(0, VALUES, seed=1, folder=str(tmp_path / "trial"))
    one_run(make_objective(**SMALL), params, steps=2)
    assert (tmp_path / "trial" / FILE).exists()
    objective = make_objective(**SMALL)
    if change == "seed":
        params = replace(params, seed=2)
    elif change == "values":
        params = replace(params, values={**VALUES, "alpha": 3})
    elif change == "settings":
        objective = make_objective(**SMALL, weight_decay=0.5)
    else:
        for split in ("train", "validation", "test"):
            lines = (tiny_data / f"{split}.csv").read_text().splitlines()
            (tmp_path / f"{split}.csv").write_text("\n".join(lines[:-2]) + "\n")
        objective = make_objective({"data": str(tmp_path)}, **SMALL)
    result = one_run(objective, params)

    assert expected in warnings(caplog)[0]
    assert deterministic(result) == deterministic(one_run(objective, replace(params, folder="")))


def _raising(error: Exception) -> Callable[..., Any]:
    def raises(*_: object, **__: object) -> Any:
        raise error

    return raises


@contextmanager
def no_space(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every write goes to a device that is always full."""

    def scratch(path: Path) -> Path:
        link = folder / f"{path.name}.1.tmp"
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/full")
        return link

    patch.setattr("sweep.files.atomic._scratch", scratch)
    yield


@contextmanager
def small_files(_folder: Path, _patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The file-size limit is 8 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def a_file_in_the_way(folder: Path, _patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folder cannot be created."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.parent.rmdir()
    folder.parent.write_text("")
    yield
    folder.parent.unlink()


@contextmanager
def io_error(_folder: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """``fsync`` fails."""
    patch.setattr(os, "fsync", _raising(OSError(errno.EIO, "Input/output error")))
    yield


@contextmanager
def read_only(_folder: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The rename fails, as on a file system remounted read-only."""
    patch.setattr(Path, "replace", _raising(OSError(errno.EROFS, "Read-only file system")))
    yield


@contextmanager
def unserialisable(_folder: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Safetensors raises its own error."""
    patch.setattr("objectives.lora.training.checkpoint.save", _raising(SafetensorError("header")))
    yield


@pytest.mark.parametrize(
    ("trouble", "expected"),
    first(
        2,
        [
            (no_space, "No space left on device"),
            (small_files, "File too large"),
            (a_file_in_the_way, "Not a directory"),
            (io_error, "Input/output error"),
            (read_only, "Read-only file system"),
            (unserialisable, "header"),
        ],
    ),
)
def test_a_disk_without_checkpoints_fails_no_trial(
    make_objective: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: Callable[..., Any],
    expected: str,
) -> None:
    """It trains to the same metrics, warns once, and leaves no partial file."""
    objective = make_objective(**SMALL)
    folder = tmp_path / "study" / "trial"
    params = TrialParams(0, VALUES, seed=1, folder=str(folder))
    reports = Reports()
    with monkeypatch.context() as patch, trouble(folder, patch), caplog.at_level(logging.WARNING):
        result = one_run(objective, params, reports=reports)
        left = one_run(objective, params, steps=1)

    assert result.failure is None, result.failure
    assert len(reports.curve) == 2
    assert deterministic(result) == deterministic(one_run(objective, replace(params, folder="")))
    cannot = [text for text in warnings(caplog) if "cannot be written" in text]
    assert len(cannot) == 2  # one for each of the two runs
    assert expected in cannot[0]
    assert left.failure is not None
    assert left.failure.message.endswith("it kept no checkpoint")
    assert_empty(folder)


def test_a_full_disk_leaves_the_last_checkpoint_in_place(
    make_objective: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later run resumes from it."""
    objective = make_objective(**SMALL)
    params = TrialParams(0, VALUES, seed=1, folder=str(tmp_path))
    one_run(objective, params, steps=1)
    data = (tmp_path / FILE).read_bytes()
    with monkeypatch.context() as patch, no_space(tmp_path, patch):
        one_run(objective, params, steps=1)

    assert (tmp_path / FILE).read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_metadata_is_readable_without_lorasweep(make_objective: Make, tmp_path: Path) -> None:
    """Step, losses, evaluations and identity, as JSON."""
    objective = make_objective(**SMALL)
    one_run(objective, TrialParams(0, VALUES, seed=9, folder=str(tmp_path)), steps=3)
    raw = (tmp_path / FILE).read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    tree = json.loads(header["__metadata__"]["lorasweep"])

    assert (tree["training"]["step"], tree["training"]["evaluated"]) == (3, 2)
    assert len(tree["training"]["losses"]) == 3
    assert [point["step"] for point in tree["points"]] == [2]
    assert (tree["identity"]["seed"], tree["identity"]["values"]) == (9, VALUES)
    assert tree["identity"]["steps"] == 4
