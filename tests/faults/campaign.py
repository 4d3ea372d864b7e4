"""A sweep in a separate process that is killed or interrupted repeatedly, and its checks."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
from optuna.trial import FrozenTrial, TrialState

from sweep import Budget, Choice, Sampler, Space, StudySpec, TargetSets
from sweep.errors import StorageError
from sweep.storage.errors import retry_while_unreachable
from sweep.storage.studies import load_study
from sweep.storage.url import StorageUrl
from sweep.study.spec import Policy

TESTS = Path(__file__).parents[1]
STEPS = 4
HITS = ("SIGKILL", "SIGKILL group", "SIGTERM", "SIGINT group", "SIGTERM twice", "SIGSTOP")
"""The hits: signals from the kernel, a job scheduler, Ctrl-C (once or twice) and Ctrl-Z."""

SECONDS = 120  # for a sweep to end once it is asked to


GRIDS = {
    6: ((1, 2, 4), (8,), ("qkv", "mlp")),
    12: ((1, 2, 4), (8, 16), ("qkv", "mlp")),
    24: ((1, 2, 4, 8), (8, 16), ("query+value", "qkv", "mlp")),
    30: ((1, 2, 4, 8, 16), (8, 16), ("query+value", "qkv", "mlp")),
    105: ((1, 2, 4), (1, 2, 4, 8, 16, 32, 64), ("query+value", "qkv", "attention", "mlp", "key")),
    210: (
        (1, 2, 4, 8, 16, 32),
        (1, 2, 4, 8, 16, 32, 64),
        ("query+value", "qkv", "attention", "mlp", "key"),
    ),
}
"""Choices of rank, alpha and targets for a number of configurations."""


def make_spec(trials: int, seconds: float = 0.4) -> StudySpec:
    """A study that runs every configuration of its space exactly once."""
    ranks, alphas, targets = GRIDS[trials]
    return StudySpec(
        name="campaign",
        objective="faults.worked:Worked",
        space=Space(
            {
                "rank": Choice(*ranks),
                "alpha": Choice(*alphas),
                "targets": TargetSets(*targets),
            }
        ),
        settings={"function": "surface", "noise": 0.01, "steps": STEPS, "sleep_seconds": seconds},
        sampler=Sampler("grid"),
        budget=Budget(trials=trials),
        policy=Policy(max_retries=10_000),
    )


@dataclass
class Campaign:
    """A study and the hits on its sweep.

    Args:
        address: the study's database.
        folder: folder for logs and other files.
        spec: the study's spec.
        rng: random generator of times and kinds of hits.
        environment: additional environment variables of the sweep.
        arguments: command-line arguments of each launch.
        prelude: code that each launch runs first.
    """

    address: StorageUrl
    folder: Path
    spec: StudySpec
    rng: random.Random
    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    prelude: str = ""
    hits: Counter[str] = field(default_factory=Counter)
    launches: int = 0
    done: dict[int, float] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """A line per step that was computed."""
        return self.folder / "steps.log"

    def launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start or resume the sweep, as the command line does."""
        code = "import sys; from sweep.cli import main; raise SystemExit(main(sys.argv[1:]))"
        code = f"{self.prelude}\n{code}"
        study = self.folder / "study_file.py"
        if not study.exists():
            log = {"log": str(self.log)} if "Worked" in self.spec.objective else {}
            spec = self.spec.with_changes(inputs=log)
            study.write_text(
                "import json\nfrom sweep import StudySpec\n"
                f"STUDY = StudySpec.from_json(json.loads({json.dumps(spec.to_json())!r}))\n"
            )
        command = [sys.executable, "-c", code, "run", str(study), "--storage", self.address.url]
        self.launches += 1
        with (self.folder / "stderr.log").open("ab") as stderr:
            return subprocess.Popen(
                [*command, *self.arguments, *arguments],
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={
                    **os.environ,
                    "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}",
                    **self.environment,
                },
                start_new_session=True,
            )

    def hit(self, kind: str, process: subprocess.Popen[bytes]) -> None:
        """Hit the sweep in one way and wait until all its processes have ended."""
        family = [psutil.Process(process.pid), *_children(process.pid)]
        number = getattr(signal, kind.split(maxsplit=1)[0])
        with contextlib.suppress(ProcessLookupError):
            if kind.endswith("group"):
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            if kind.endswith("twice"):
                time.sleep(self.rng.uniform(0, 0.2))
                process.send_signal(number)
            if number == signal.SIGSTOP:
                time.sleep(self.rng.uniform(0, 0.5))
                process.send_signal(signal.SIGCONT)
                time.sleep(self.rng.uniform(0, 0.5))
                process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)
        _, alive = psutil.wait_procs(family, timeout=30)
        assert not alive, f"{kind} left {alive} behind"
        self.hits[kind] += 1

    def stop_between_writes(self, process: subprocess.Popen[bytes]) -> None:
        """Send SIGSTOP while the sweep does not hold the database's lock, which it would keep."""
        file = self.address.path
        assert file is not None
        while True:
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            with (
                contextlib.suppress(sqlite3.OperationalError),  # locked
                contextlib.closing(sqlite3.connect(file, timeout=0)) as connection,
            ):
                connection.execute("BEGIN IMMEDIATE")
                return
            process.send_signal(signal.SIGCONT)
            time.sleep(self.rng.uniform(0, 0.1))

    def run_to_the_end(self) -> None:
        """Resume the sweep without hits until it ends."""
        process = self.launch()
        assert process.wait(SECONDS * 5) == 0, self.stderr()
        self.look()

    def stderr(self) -> str:
        """The standard error of all launches."""
        return (self.folder / "stderr.log").read_text()

    def trials(self) -> list[FrozenTrial]:
        """The trials in the database."""
        return load_study(self.address).get_trials(deepcopy=False)

    def look(self) -> None:
        """Check that no COMPLETE trial is lost or has changed."""
        now = {t.number: t.value for t in self.trials() if t.state == TrialState.COMPLETE}
        for number, value in self.done.items():
            assert now.get(number) == value
        self.done = {number: value for number, value in now.items() if value is not None}

    def wait_for(self, n: int) -> None:
        """Wait until this many trials are COMPLETE."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(StorageError):  # not made yet
                self.look()
            if len(self.done) >= n:
                return
            time.sleep(0.1)
        raise AssertionError(f"no progress: {self.stderr()}")

    def results(self) -> Counter[tuple[object, ...]]:
        """The multiset of (parameters, seed, value) of COMPLETE trials."""
        return Counter(
            (*sorted(trial.params.items()), trial.user_attrs["seed"], trial.value)
            for trial in self.trials()
            if trial.state == TrialState.COMPLETE
        )

    def steps_made_again(self) -> Counter[str]:
        """How often each step was computed again."""
        counts = Counter(self.log.read_text().splitlines())
        return Counter({line: n - 1 for line, n in counts.items() if n > 1})


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


_PLAIN: dict[str, Counter[tuple[object, ...]]] = {}


def uninterrupted(spec: StudySpec, folder: Path) -> Counter[tuple[object, ...]]:
    """The results of the same study without hits; cached for all tests."""
    quick = replace(spec, settings={**spec.settings, "sleep_seconds": 0.0})
    key = json.dumps(quick.to_json(), sort_keys=True)
    if key not in _PLAIN:
        folder.mkdir()
        address = StorageUrl.parse(f"sqlite:///{folder}/plain.db")
        plain = Campaign(address, folder, quick, random.Random(0))
        plain.run_to_the_end()
        _PLAIN[key] = plain.results()
    return _PLAIN[key].copy()


def moments(rng: random.Random, longest: float) -> Iterator[float]:
    """Random seconds from a launch to a hit: some during the start, most during the run."""
    while True:
        yield rng.uniform(0.05, longest)


def run_campaign(
    campaign: Campaign, hits: int, longest: float = 4.0, *, server_restarts: bool = False
) -> None:
    """Hit a sweep this many times, or until it ends; then let it finish.

    With server restarts, a sweep may find its server down at the start; it then ends with one
    message.
    """
    for delay in moments(campaign.rng, longest):
        over = campaign.hits.total() >= hits
        process = campaign.launch()
        try:
            code = process.wait(SECONDS * 5 if over else delay)
        except subprocess.TimeoutExpired:
            campaign.hit(campaign.rng.choice(HITS), process)
            with contextlib.suppress(StorageError):  # no database yet, or the server is down
                campaign.look()
            continue
        if server_restarts and code == 1 and _found_no_server(campaign.stderr()):
            campaign.hits["server away at the start"] += 1
            continue
        assert code == 0, campaign.stderr()
        break
    retry_while_unreachable(campaign.look, lambda: None)  # the server may be down at the moment


def _found_no_server(stderr: str) -> bool:
    """Whether the last sweep ended because its server was unreachable."""
    return "must be a database that opens" in stderr.splitlines()[-1]


def check_results(
    campaign: Campaign, expected: Counter[tuple[object, ...]], at_once: int = 2
) -> dict[str, object]:
    """Check that no trial is lost or duplicated; returns counts to print.

    Args:
        campaign: the sweep and its hits.
        expected: the results of the same study without hits.
        at_once: how many trials may run at the same time; by default two workers run one each.
    """
    trials = campaign.trials()
    assert [trial.number for trial in trials] == list(range(len(trials)))
    states = Counter(trial.state.name for trial in trials)
    assert set(states) <= {"COMPLETE", "FAIL"}, states
    reasons = Counter(
        trial.user_attrs["failure"]["reason"] for trial in trials if trial.state == TrialState.FAIL
    )
    assert set(reasons) <= {"interrupted"}, reasons
    assert campaign.results() == expected
    again = campaign.steps_made_again()
    # A hit repeats at most one step of each running trial.
    assert again.total() <= at_once * sum(campaign.hits.values())
    return {
        "launches": campaign.launches,
        "hits": dict(campaign.hits),
        "trials": len(trials),
        **states,
        "interrupted": reasons["interrupted"],
        "steps computed again": again.total(),
    }
