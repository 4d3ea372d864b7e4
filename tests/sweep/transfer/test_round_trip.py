"""Property tests: any study survives a copy and an export."""

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from sweep.storage.database import open_storage
from sweep.storage.url import StorageUrl
from sweep.transfer.copy import copy_study
from sweep.transfer.export import FORMATS, export_study
from sweep.transfer.records import whole
from sweep.transfer.snapshot import Snapshot, take

CHOICES = (None, True, 3, 2.5, "", "nan", 'a,"b"\r\n', "\x00", "½ 蛋白", 2**60)
DISTRIBUTIONS = {
    "rate": FloatDistribution(-1e3, 1e3),
    "a,b\n": IntDistribution(-(2**40), 2**40),
    "targets": CategoricalDistribution(CHOICES),
}
VALUES = {
    "rate": st.floats(-1e3, 1e3),
    "a,b\n": st.integers(-(2**40), 2**40),
    "targets": st.sampled_from(CHOICES),
}
TEXTS = st.text(max_size=6)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda trees: st.lists(trees, max_size=3) | st.dictionaries(TEXTS, trees, max_size=3),
    max_leaves=6,
)
# A server's columns store no NUL; Optuna's own attributes have no unusual names.
NAMES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=6)
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - Optuna's are naive


@st.composite
def trials(draw: st.DrawFn) -> FrozenTrial:
    """A trial in any state with any values that a database can store."""
    state = draw(st.sampled_from(list(TrialState)))
    params = draw(st.fixed_dictionaries({}, optional=VALUES))
    start = None if state == TrialState.WAITING else draw(TIMES)
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=state,
        value=draw(st.floats(allow_nan=False))
        if state in (TrialState.COMPLETE, TrialState.PRUNED)
        else None,
        datetime_start=start,
        datetime_complete=start + timedelta(seconds=1.5) if start and state.is_finished() else None,
        params=params,
        distributions={name: DISTRIBUTIONS[name] for name in params},
        user_attrs=draw(
            st.dictionaries(NAMES, TREES, max_size=2)
            | st.fixed_dictionaries({"metrics": st.dictionaries(NAMES, TREES, max_size=3)})
            | st.fixed_dictionaries({"seed": TREES, "failure": TREES})
        ),
        system_attrs=draw(st.fixed_dictionaries({}, optional={"constraints:m": st.floats()})),
        intermediate_values=draw(
            st.dictionaries(st.integers(0, 2**31 - 1), st.floats(), max_size=3)
        ),
    )


STUDIES = st.lists(trials(), max_size=4)


def made(address: StorageUrl, drawn: list[FrozenTrial]) -> Snapshot:
    """A study of these trials."""
    storage = open_storage(address, make=True)
    study = optuna.create_study(storage=storage, study_name="any")
    for trial in drawn:
        storage.create_new_trial(study._study_id, template_trial=trial)
    return take(address, "any")


@given(STUDIES)
@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_study_goes_to_a_journal_and_back(drawn: list[FrozenTrial]) -> None:
    """SQLite, journal, SQLite: the result equals the source."""
    with tempfile.TemporaryDirectory() as folder:
        first = StorageUrl.parse(f"sqlite:///{folder}/first.db")
        middle = StorageUrl.parse(f"journal:///{folder}/middle.log")
        last = StorageUrl.parse(f"sqlite:///{folder}/last.db")
        before = made(first, drawn)
        copy_study(first, "any", middle)
        copy_study(middle, "any", last)
        after = take(last, "any")

    assert [whole(trial) for trial in after.trials] == [whole(trial) for trial in before.trials]


@pytest.mark.parametrize("suffix", sorted(FORMATS))
@given(drawn=STUDIES)
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_study_can_be_exported(suffix: str, drawn: list[FrozenTrial]) -> None:
    """The export reads the file back and compares every cell of every trial."""
    with tempfile.TemporaryDirectory() as folder:
        address = StorageUrl.parse(f"journal:///{folder}/study.log")
        made(address, drawn)
        report = export_study(address, None, Path(folder) / f"table{suffix}")

    assert report["trials"] == len(drawn)
