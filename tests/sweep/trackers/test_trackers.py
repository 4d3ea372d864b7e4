"""Tracked studies, read back by the trackers' own libraries."""

from __future__ import annotations

import json
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from tracked_studies import tracked

from sweep.errors import UsageError
from sweep.storage.url import StorageUrl
from sweep.trackers import NAMES
from sweep.trackers.finished_trial import ended_of
from sweep.trackers.make import trackers


@dataclass(frozen=True)
class Case:
    """A study, and the folder of its tracker.

    Attributes:
        study: the study.
        folder: the database's folder.
    """

    study: optuna.Study
    folder: Path

    def trials(self) -> list[FrozenTrial]:
        """All trials, each of which has ended."""
        return self.study.get_trials(deepcopy=False)


def run(folder: Path, name: str) -> Case:
    """Run a sweep with one tracker."""
    address = StorageUrl.parse(f"sqlite:///{folder}/tracked.db")
    return Case(tracked(folder, trackers([name], address, "tracked")), folder)


def test_the_tracked_data_of_a_trial(tmp_path: Path) -> None:
    """Known metric names, numbers only, every evaluation, and a failure's reason."""
    case = Case(tracked(tmp_path, []), tmp_path)
    ended = {trial.number: ended_of(case.study, trial) for trial in case.trials()}
    failed = [each for each in ended.values() if each.state == "failed"]
    fine = [each for each in ended.values() if each.state == "complete"]

    assert (len(failed), len(fine)) == (1, 7)
    assert failed[0].params == {"rank": 8, "alpha": 2, "targets": "qkv"}
    assert "failure" in failed[0].tags
    assert "value" not in failed[0].metrics
    for each in fine:
        trial = case.trials()[each.number]
        assert each.params["targets"] in ("qkv", "wide")
        assert each.metrics["value"] == trial.value
        assert [step for step, _ in each.curve] == sorted(trial.intermediate_values)
        assert [p["value"] for _, p in each.curve] == list(trial.intermediate_values.values())
        assert all(isinstance(value, float) for value in each.metrics.values())


@pytest.fixture
def tokyo() -> Iterator[None]:
    """A local time that is nine hours ahead of UTC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.integration
@pytest.mark.usefixtures("tokyo")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the library's own
def test_mlflow_has_a_run_per_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configuration, metrics by step, state and times, read by MLflow's own client."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    case = run(tmp_path, "mlflow")
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("tracked")
    runs = {r.info.run_name: r for r in client.search_runs([experiment.experiment_id])}

    assert set(runs) == {f"tracked trial {trial.number}" for trial in case.trials()}
    for trial in case.trials():
        ended, found = ended_of(case.study, trial), runs[f"tracked trial {trial.number}"]
        assert found.data.params == {name: str(value) for name, value in ended.params.items()}
        assert found.data.tags["state"] == ended.state
        assert found.info.status == ("FAILED" if ended.state == "failed" else "FINISHED")
        assert found.info.end_time - found.info.start_time == pytest.approx(
            1000 * trial.duration.total_seconds(), abs=2
        )
        assert trial.datetime_start is not None
        began = trial.datetime_start.timestamp()
        assert found.info.start_time == pytest.approx(1000 * began, abs=2)
        assert abs(began - time.time()) < 3600  # not 9 hours off
        if trial.state == TrialState.COMPLETE:
            assert found.data.metrics["value"] == trial.value
            curve = client.get_metric_history(found.info.run_id, "value")
            assert [p.value for p in curve[:3]] == list(trial.intermediate_values.values())


def test_tensorboard_has_a_run_per_trial(tmp_path: Path) -> None:
    """Scalars by step and the table of hyperparameters, read by TensorBoard's own reader."""
    pytest.importorskip("tensorboardX")
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    case = run(tmp_path, "tensorboard")
    logs = tmp_path / "tracked-tensorboard"

    assert sorted(p.name for p in logs.iterdir()) == [
        f"trial-{t.number:05d}" for t in case.trials()
    ]
    for trial in case.trials():
        found = reader.EventAccumulator(str(logs / f"trial-{trial.number:05d}"))
        found.Reload()
        table = found.summary_metadata["_hparams_/session_start_info"].plugin_data.content
        ended = ended_of(case.study, trial)
        assert str(ended.params["targets"]).encode() in table
        if trial.state == TrialState.COMPLETE:
            points = found.Scalars("value")
            assert [p.step for p in points[:3]] == list(trial.intermediate_values)
            assert [p.value for p in points[:3]] == pytest.approx(
                list(trial.intermediate_values.values())
            )
            assert points[-1].value == pytest.approx(trial.value)


@pytest.mark.integration
def test_wandb_has_a_run_per_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline, as on a machine without a network: the records that an upload would send."""
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    case = run(tmp_path, "wandb")
    stored = [_offline(path) for path in sorted((tmp_path / "wandb").glob("offline-run-*"))]
    runs = {found["run"].display_name: found for found in stored}

    assert set(runs) == {f"tracked trial {trial.number}" for trial in case.trials()}
    for trial in case.trials():
        ended, found = ended_of(case.study, trial), runs[f"tracked trial {trial.number}"]
        assert found["run"].run_group == "tracked"
        assert found["run"].project == "lorasweep"
        assert ended.params.items() <= found["config"].items()
        assert found["summary"]["state"] == ended.state
        if trial.state == TrialState.COMPLETE:
            assert found["summary"]["value"] == trial.value
            assert [row["value"] for row in found["history"]] == pytest.approx(
                list(trial.intermediate_values.values())
            )


def _offline(folder: Path) -> dict[str, Any]:
    """The records of an offline run, which an upload would send."""
    from wandb.proto.wandb_internal_pb2 import Record

    found: dict[str, Any] = {"config": {}, "summary": {}, "history": []}
    for data in _logged(next(folder.glob("*.wandb")).read_bytes()):
        record = Record.FromString(data)
        if record.HasField("run"):
            found["run"] = record.run
            found["config"] |= _items(record.run.config.update)
        elif record.HasField("config"):
            found["config"] |= _items(record.config.update)
        elif record.HasField("summary"):
            found["summary"] |= _items(record.summary.update)
        elif record.HasField("history"):
            found["history"].append(_items(record.history.item))
    return found


def _logged(raw: bytes) -> Iterator[bytes]:
    """The entries of its LevelDB log: 7 bytes of header, then blocks of 2^15."""
    at, held = 7, b""
    while at + 7 <= len(raw):
        if 2**15 - at % 2**15 < 7:
            at += 2**15 - at % 2**15
            continue
        length, kind = struct.unpack_from("<HB", raw, at + 4)
        held += raw[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole entry, or its last part
            yield held
            held = b""


def _items(items: Any) -> Mapping[str, Any]:
    return {each.key or "/".join(each.nested_key): json.loads(each.value_json) for each in items}


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_library_is_named_with_its_install_command(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything runs."""
    library = {"tensorboard": "tensorboardX"}.get(name, name)
    monkeypatch.setitem(sys.modules, library, None)
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/s.db")

    with pytest.raises(UsageError) as caught:
        trackers([name], address, "s")

    assert str(caught.value).startswith(
        f"--track must name a tracker that is installed, got '{name}'"
    )
    assert f"pip install 'lorasweep[{name}]'" in str(caught.value)


def test_a_study_of_any_name_has_its_folder_beside_the_database(tmp_path: Path) -> None:
    """Never elsewhere: a name may contain slashes and dots."""
    pytest.importorskip("tensorboardX")
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/s.db")
    (tracker,) = trackers(["tensorboard"], address, "../a/b")

    folder = tracker.args[0].resolve()  # type: ignore[attr-defined]
    assert folder.parent == tmp_path
    assert folder.name.endswith("-tensorboard")


def test_a_tracker_given_twice_is_used_once(tmp_path: Path) -> None:
    """``--track mlflow --track mlflow`` logs each trial once."""
    pytest.importorskip("tensorboardX")
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/s.db")

    assert len(trackers(["tensorboard", "tensorboard"], address, "s")) == 1
    assert trackers([], address, "s") == ()
