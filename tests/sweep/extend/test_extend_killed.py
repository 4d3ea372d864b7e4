"""A killed extension leaves the study either unchanged or extended, never between."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest

from sweep import Choice, Float, Space, StudySpec, TargetSets
from sweep.extend.extend import engine_of
from sweep.sampling.samplers import distributions
from sweep.storage.studies import create_or_resume, load_study, read_spec, write_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo

EXTENDER = """
import os, signal, sys
from sqlalchemy import Engine, event
from sweep.extend.changes import Request, extended
from sweep.extend.extend import apply
from sweep.study.objective import ObjectiveInfo
from sweep.storage.studies import load_study, read_spec
from sweep.storage.url import StorageUrl
from dataclasses import replace
from optuna.storages import RDBStorage

RDBStorage("sqlite://")  # imports what a storage needs
address = StorageUrl.parse(sys.argv[1])

def extend():
    before = read_spec(load_study(address))
    rank, high = before.space["rank"].values[-1] + 1, before.space["x"].high * 2
    targets = f"n{rank}=key+m{rank}"
    request = Request((targets,), (f"rank={rank}",), (f"x=0.001:{high}",))
    space, changes = extended(before.space, request)
    apply(address, before, replace(before, space=space), ObjectiveInfo(), changes)

def die_after(statements):
    left = [statements]
    @event.listens_for(Engine, "after_cursor_execute")
    def count(*arguments):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

for line in sys.stdin:
    child = os.fork()
    if not child:
        if line == "again and again\\n":
            print(os.getpid(), flush=True)
            while True:
                extend()
        die_after(int(line))
        extend()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""
"""The code of one process that has imported everything, and forks a child to kill for each line."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorageUrl]:
    """A study with trials in all states."""
    if request.param == "sqlite":
        yield made(StorageUrl.parse(f"sqlite:///{tmp_path}/study.db"))
        return
    pytest.importorskip("psycopg")
    from faults.postgres import Postgres

    reason = Postgres.missing()
    if reason:
        pytest.skip(reason)
    with Postgres() as server:
        yield made(StorageUrl.parse(server.new_database()))


def made(address: StorageUrl) -> StorageUrl:
    """Create the database."""
    space = {"rank": Choice(1, 2), "x": Float(0.001, 1.0, log=True), "targets": TargetSets("qkv")}
    objective = "objectives.synthetic:Synthetic"
    spec = StudySpec(name="killed", objective=objective, space=Space(space))
    study = create_or_resume(address, spec, ObjectiveInfo())
    write_spec(study, spec, ObjectiveInfo())
    for number in range(30):
        trial = study.ask(distributions(spec.space))
        if number % 10:
            study.tell(trial, float(number))
    study.enqueue_trial({"rank": 2, "x": 0.5, "targets": "key+query+value"})
    engine_of(study).dispose()
    return address


@pytest.fixture
def killed(study: StorageUrl) -> Iterator[Callable[[str], str]]:
    """A process that extends the study by one line of input, and answers with one line."""
    process = subprocess.Popen(
        [sys.executable, "-c", EXTENDER, study.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ask(line: str = "") -> str:
        if line:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
        return process.stdout.readline().strip()

    yield ask
    process.stdin.close()
    process.wait(60)
    process.stdout.close()


@contextmanager
def opened(address: StorageUrl) -> Iterator[optuna.Study]:
    """The study, whose connections are closed afterwards."""
    study = load_study(address)
    yield study
    engine_of(study).dispose()


def contents(study: optuna.Study) -> list[tuple[object, ...]]:
    """The trials without their distributions."""
    trials = study.get_trials(deepcopy=False)
    return [(t.state, t.params, t.values, t.user_attrs, t.system_attrs) for t in trials]


def extensions(address: StorageUrl, trials: list[tuple[object, ...]]) -> int:
    """The number of extensions; checks that the study is consistent and its trials unchanged."""
    with opened(address) as study:
        spec, attributes = read_spec(study), study.user_attrs
        now, stored = contents(study), [t.distributions for t in study.get_trials(deepcopy=False)]
    history = attributes.get("history", [])
    digests = [entry["from"] for entry in history] + [attributes["spec_digest"]]

    assert attributes["spec_digest"] == spec.digest()
    assert [entry["to"] for entry in history] == digests[1:]
    assert len(set(digests)) == len(history) + 1
    assert len(spec.space["rank"].values) == len(history) + 2
    assert len(spec.space["targets"].sets) == len(history) + 1
    assert spec.space["x"].high == 2.0 ** len(history)
    assert stored == [distributions(spec.space)] * 30 + [{}]
    assert now == trials
    return len(history)


@pytest.mark.slow
def test_an_extension_killed_after_each_statement(
    study: StorageUrl, killed: Callable[[str], str]
) -> None:
    """At each statement in turn, then once without a kill."""
    with opened(study) as fresh:
        trials = contents(fresh)
    found = [extensions(study, trials)]
    statements = 0
    while True:
        statements += 1
        code = killed(str(statements))
        found.append(extensions(study, trials))
        if code == "0":
            break
        assert code == str(-signal.SIGKILL), code

    steps = [after - before for before, after in itertools.pairwise(found)]
    assert statements > 20
    assert set(steps) == {0, 1}
    # Early kills prevent the extension, kills after its commit do not.
    assert steps == sorted(steps)
    assert steps[-1] == 1


@pytest.mark.slow
def test_an_extension_killed_at_any_moment(study: StorageUrl, killed: Callable[[str], str]) -> None:
    """Twenty-five times, during repeated extensions; the next one takes over automatically."""
    with opened(study) as fresh:
        trials = contents(fresh)
    rng = random.Random(0)
    for _ in range(2):  # the first waits for the imports
        started = time.monotonic()
        assert killed(str(10**6)) == "0"  # more statements than it has
        takes = time.monotonic() - started
    found = [2]
    for _ in range(25):
        pid = int(killed("again and again"))
        time.sleep(rng.uniform(0, 1.5 * takes))
        os.kill(pid, signal.SIGKILL)
        assert killed("") == str(-signal.SIGKILL)
        found.append(extensions(study, trials))

    assert found == sorted(found)
    assert found[-1] > 5
