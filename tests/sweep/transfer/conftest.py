"""Studies to copy and export, and the command in a separate process."""

from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CompletedProcess

import optuna
import pytest
from command import lorasweep as command
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from sweep import StudySpec
from sweep.sampling.samplers import make_sampler
from sweep.storage.owner import acquire
from sweep.storage.studies import create_or_resume, write_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo

Ran = CompletedProcess[str]
Command = Callable[..., Ran]

ODD = 'a,b;\t"quoted"\r\nüñ 蛋白 \x00 \'end'
DISTRIBUTIONS = {
    "rate": FloatDistribution(1e-5, 1.0, log=True),
    "rank": IntDistribution(1, 64),
    "targets": CategoricalDistribution(["qkv", ODD, "", None]),
}
FAILURE = {"reason": "nan", "kind": "NonFiniteValue", "message": ODD, "traceback": "line\nline"}
FACTS = ObjectiveInfo({"data": "d1"}, {"torch": "2"})
METRICS = {"mcc": 0.25, "n": 3, "note": ODD, "nan": float("nan"), "per_ligand": {"ATP": {"f1": 1}}}


@pytest.fixture
def lorasweep(tmp_path: Path) -> Command:
    """Run the installed command in this test's folder."""

    def run(*arguments: str, env: Mapping[str, str] | None = None) -> Ran:
        return command(tmp_path, *arguments, env=env)

    return run


def fill(study: optuna.Study) -> optuna.Study:
    """Trials of every state, with every field that a trial can have."""
    study.set_user_attr("about", {"odd": ODD, "huge": 10**30})
    study._storage.set_study_system_attr(study._study_id, "qmc:sample_id", 7)
    study.enqueue_trial({"rate": 0.5, "rank": 2}, user_attrs={"replicate": 1, "seed": 5})
    attributes = {"metrics": METRICS, "seconds": 3, "replicate": 0, "seed": 2**70, "zero": -0.0}
    for state, value in ((TrialState.COMPLETE, 0.1), (TrialState.PRUNED, float("inf"))):
        study.add_trial(
            create_trial(
                state=state,
                value=value,
                params={"rate": 0.1 + 0.2, "rank": 8, "targets": ODD},
                distributions=DISTRIBUTIONS,
                intermediate_values={1: 0.5, 10: float("nan"), 2: float("-inf")},
                user_attrs=attributes,
                constraints={"memory": 1.0},
            )
        )
    failed = {"failure": FAILURE, "retry_of": 1}
    study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=failed))
    study.add_trial(
        create_trial(
            state=TrialState.RUNNING,
            params={"targets": None, "rank": 64},
            distributions={name: DISTRIBUTIONS[name] for name in ("targets", "rank")},
        )
    )
    return study


@pytest.fixture
def foreign(address: StorageUrl) -> optuna.Study:
    """A study of plain Optuna in SQLite."""
    return fill(optuna.create_study(storage=address.url, study_name="odd", direction="maximize"))


@pytest.fixture
def journal(tmp_path: Path) -> StorageUrl:
    """A journal's URL; the file does not exist yet."""
    return StorageUrl.parse(f"journal:///{tmp_path}/new/study.log")


@pytest.fixture
def other(tmp_path: Path) -> StorageUrl:
    """The URL of another SQLite file that does not exist yet."""
    return StorageUrl.parse(f"sqlite:///{tmp_path}/other.db")


@pytest.fixture
def ours(address: StorageUrl, spec: StudySpec) -> optuna.Study:
    """A study of lorasweep with some trials and one queued, driven by this process."""
    study = create_or_resume(address, spec, FACTS)
    acquire(study, address.shown)
    write_spec(study, spec, FACTS)
    study.sampler = make_sampler(spec, 0, set())
    study.enqueue_trial({"rank": 2, "alpha": 1, "targets": "qkv"}, user_attrs={"seed": 3})
    params = {name: spec.space[name].values[0] for name in spec.space}
    distributions = {
        name: optuna.distributions.CategoricalDistribution(list(spec.space[name].values))
        for name in spec.space
    }
    for state, value in ((TrialState.COMPLETE, 0.5), (TrialState.RUNNING, None)):
        study.add_trial(
            create_trial(state=state, value=value, params=params, distributions=distributions)
        )
    return study
