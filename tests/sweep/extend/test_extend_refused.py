"""Extensions that are refused before anything is written."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from command import lorasweep

from sweep import Choice, Int, Sampler, Space, StudySpec, TargetSets
from sweep.driver.run_study import Options, run_study
from sweep.errors import ResumeError, SpecError, StorageError, UsageError
from sweep.extend.changes import Request
from sweep.extend.extend import extend_study
from sweep.storage.owner import DriverLease
from sweep.storage.studies import create_or_resume, load_study, write_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo
from sweep.terminal.progress import Progress

REQUEST = Request(choices=("rank=16",))


def run(spec: StudySpec, address: StorageUrl, trials: int) -> None:
    """Run a study up to this many trials."""
    with Progress(trials, 0, higher_is_better=True) as progress:
        spec = spec.with_changes(trials=trials)
        run_study(spec, address, progress, Options(workers=1))


def dump(address: StorageUrl) -> list[str]:
    """The content of a SQLite file."""
    with contextlib.closing(sqlite3.connect(str(address.path))) as database:
        return list(database.iterdump())


def test_a_study_with_a_running_driver_is_refused(address: StorageUrl, spec: StudySpec) -> None:
    """Nothing is written, unless the driver is certainly dead and ``take_over`` is given."""
    run(spec, address, 1)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        load_study(address).set_user_attr("owner", DriverLease.of(sleeper.pid).to_json())
        before = dump(address)
        with pytest.raises(StorageError, match=f"one driver at a time.*process {sleeper.pid} on"):
            extend_study(spec, address, REQUEST)
        assert dump(address) == before
        extend_study(spec, address, REQUEST, take_over=True)
    finally:
        sleeper.kill()
        sleeper.wait()

    assert load_study(address).user_attrs["owner"] is None


def test_other_inputs_are_refused_as_by_a_resume(address: StorageUrl, spec: StudySpec) -> None:
    """One study would have trials of two data sets; nothing is written."""
    run(spec, address, 1)
    load_study(address).set_user_attr("fingerprints", {"data": "d1"})
    before = dump(address)

    with pytest.raises(ResumeError, match="data: content d1 -> None"):
        extend_study(spec, address, REQUEST)
    assert dump(address) == before


def test_an_invalid_extension_is_refused_before_anything_is_written(
    address: StorageUrl, spec: StudySpec
) -> None:
    """With all faults of the request, or those of the new spec."""
    spec = replace(
        spec, settings={}, sampler=Sampler("grid"), space=Space({"x1": Int(0, 1), "x2": Int(0, 1)})
    )
    run(spec, address, 1)
    before = dump(address)
    for request, expected in (
        (Request(ranges=("x1=1:2", "x2=0")), r"(?s)whole range there is.*be PARAM=LOW:HIGH"),
        (Request(ranges=("x1=0:100000",)), "sampler.name must not be 'grid'"),
    ):
        with pytest.raises(SpecError, match=expected):
            extend_study(spec, address, request)
    with pytest.raises(UsageError, match=r"extend must be told what to add.*--widen"):
        extend_study(spec, address, Request())
    assert dump(address) == before


@pytest.mark.slow
def test_a_target_without_a_matrix_is_refused_by_the_objective(
    address: StorageUrl, tmp_path: Path
) -> None:
    """It knows the model; the name itself is well-formed."""
    spec = StudySpec(
        name="binding",
        objective="objectives.binding.objective:BindingObjective",
        space=Space({"rank": Choice(1, 2), "alpha": Choice(1), "targets": TargetSets("qkv")}),
        inputs={"cache": str(tmp_path / "cache")},
    )
    write_spec(create_or_resume(address, spec, ObjectiveInfo()), spec, ObjectiveInfo())
    before = dump(address)

    with pytest.raises(SpecError, match=r"quarry"):
        extend_study(spec, address, Request(targets=("new=quarry",)))
    assert dump(address) == before
    extend_study(spec, address, Request(targets=("new=attention.output",)))
    assert "new" in load_study(address).user_attrs["history"][0]["changes"][0]


def test_a_journal_is_refused_with_a_remedy(tmp_path: Path, spec: StudySpec) -> None:
    """Its records cannot be rewritten."""
    address = StorageUrl.parse(f"journal:///{tmp_path}/study.log")
    write_spec(create_or_resume(address, spec, ObjectiveInfo()), spec, ObjectiveInfo())
    before = address.path.read_bytes()

    with pytest.raises(StorageError, match=r"be SQLite or PostgreSQL.*lorasweep copy"):
        extend_study(spec, address, REQUEST)
    assert address.path.read_bytes() == before


@pytest.mark.slow
def test_the_command_extends_and_status_shows_it(
    address: StorageUrl, spec: StudySpec, tmp_path: Path
) -> None:
    """One JSON document, or one line; exit code 2 with every fault if it is invalid."""
    run(spec, address, 1)
    where = ("--storage", address.url)
    done = lorasweep(tmp_path, "extend", *where, "--add-target", "kv=key+value", "--json")
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)["history"]
    assert entry["changes"] == ["targets: + kv = key+value"]
    assert f"to go on: lorasweep resume --storage {address.url} --name small" in done.stderr

    more = lorasweep(
        tmp_path, "extend", *where, "--add-choice", "rank=16", "--add-choice", "rank=32"
    )
    recorded = "after 1 trials: rank: + 16; rank: + 32"
    assert recorded in more.stdout
    assert recorded in lorasweep(tmp_path, "status", *where).stdout
    wrong = lorasweep(tmp_path, "extend", *where, "--add-choice", "rank=16", "--widen", "rank=1:2")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert len(wrong.stderr.splitlines()) == 2
    assert lorasweep(tmp_path, "extend", *where).returncode == 2
    status = json.loads(lorasweep(tmp_path, "status", *where, "--json").stdout)
    assert [len(each["changes"]) for each in status["history"]] == [1, 2]
