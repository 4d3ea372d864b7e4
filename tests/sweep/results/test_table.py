"""Tables of lorasweep's own studies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from sweep import StudySpec
from sweep.analysis.table import TrialTable
from sweep.driver.run_study import points_of
from sweep.results.table import to_table
from sweep.sampling.samplers import distributions
from sweep.storage.studies import create_or_resume, write_spec
from sweep.storage.url import StorageUrl
from sweep.study.design import Design
from sweep.study.objective import ObjectiveInfo
from sweep.study.spec import Sampler
from sweep.study.trial import Failure

VALUES = {"rank": 2, "alpha": 4, "targets": "key+query+value"}


def _study(spec: StudySpec, address: StorageUrl) -> optuna.Study:
    study = create_or_resume(address, spec, ObjectiveInfo())
    write_spec(study, spec, ObjectiveInfo(), points_of)
    return study


def _add(
    study: optuna.Study,
    spec: StudySpec,
    state: TrialState = TrialState.COMPLETE,
    **attributes: Any,
) -> None:
    """Add a trial with user attributes."""
    study.add_trial(
        optuna.create_trial(
            state=state,
            params=VALUES,
            distributions=distributions(spec.space),
            value=0.5 if state == TrialState.COMPLETE else None,
            user_attrs=attributes,
        )
    )


def test_a_row_has_all_of_its_trial(spec: StudySpec, address: StorageUrl) -> None:
    """Phase, size, collapse, seed; fixed settings are stored with the table."""
    study = _study(spec, address)
    details = {"trainable_parameters": 166, "adapter_parameters": 100}
    _add(study, spec, phase="pilot", seed=7, details=details, metrics={"degenerate": True})

    table = to_table(study)

    [row] = table.rows
    assert (row.phase, row.seed, row.size, row.collapsed) == ("pilot", 7, 100.0, True)
    assert table.fixed == {"function": "surface"}


@pytest.mark.parametrize(
    ("metrics", "collapsed"),
    [({}, False), ({"degenerate": False}, False), ({"collapsed": True}, True), ({"mcc": 0}, False)],
)
def test_a_run_has_collapsed_if_its_objective_marks_it(
    spec: StudySpec, address: StorageUrl, metrics: dict[str, Any], *, collapsed: bool
) -> None:
    """By its flag: a value of 0 is not enough."""
    study = _study(spec, address)
    _add(study, spec, metrics=metrics)

    assert to_table(study).rows[0].collapsed is collapsed


def test_sizes_are_counted_in_one_way(spec: StudySpec, address: StorageUrl) -> None:
    """If older trials have only the sum of head and adapter, it is used for all."""
    study = _study(spec, address)
    _add(study, spec, details={"trainable_parameters": 166, "adapter_parameters": 100})
    _add(study, spec, metrics={"trainable_parameters": 166})

    assert [row.size for row in to_table(study).rows] == [166.0, 166.0]

    _add(study, spec)
    assert [row.size for row in to_table(study).rows] == [None, None, None]


@pytest.mark.parametrize(
    ("sampler", "sampling"),
    [
        ("random", "random"),
        ("qmc", "random"),
        ("grid", "random"),
        ("tpe", "adaptive"),
        ("gp", "adaptive"),
    ],
)
def test_the_sampler_determines_the_kind_of_trials(
    spec: StudySpec, address: StorageUrl, sampler: str, sampling: str
) -> None:
    """Only trials that used no earlier result are a fair sample of the space."""
    study = _study(replace(spec, sampler=Sampler(sampler)), address)
    _add(study, spec)

    assert to_table(study).sampling == sampling


def test_trials_of_a_design_are_designed(spec: StudySpec, address: StorageUrl) -> None:
    """If there are any outside the search; a search alone is adaptive."""
    study = _study(replace(spec, design=Design(configurations=8, duplicates=2)), address)
    _add(study, spec, phase="search")
    searched = to_table(study)
    _add(study, spec, phase="measure")

    assert searched.sampling == "adaptive"
    assert to_table(study).sampling == "designed"


def _failure(reason: str) -> dict[str, Any]:
    return Failure(reason, "RuntimeError", "why").to_json()


def test_failed_trials_are_counted_by_configuration(spec: StudySpec, address: StorageUrl) -> None:
    """Not interrupted or copied ones; out of memory has the state PRUNED and counts as failed."""
    study = _study(spec, address)
    _add(study, spec)
    _add(study, spec, TrialState.FAIL, failure=_failure("nan"), phase="measure")
    _add(study, spec, TrialState.FAIL, failure=_failure("interrupted"))
    _add(study, spec, TrialState.FAIL, failure=_failure("duplicate"))
    _add(study, spec, TrialState.PRUNED, failure=_failure("out_of_memory"))
    _add(study, spec, TrialState.PRUNED)
    _add(study, spec, TrialState.FAIL)

    table: TrialTable = to_table(study)

    assert [(each.number, each.phase, each.reason) for each in table.failed] == [
        (1, "measure", "nan: RuntimeError: why"),
        (4, "", "out_of_memory: RuntimeError: why"),
        (6, "", "unknown: nothing was stored"),
    ]
    assert all(each.values == VALUES for each in table.failed)
    assert len(table) == 1


def test_a_queued_trial_that_died_at_once_has_its_queued_values(
    spec: StudySpec, address: StorageUrl
) -> None:
    """Although it had not written them itself."""
    study = _study(spec, address)
    study.enqueue_trial(VALUES)
    study.tell(study.ask(), state=TrialState.FAIL)

    assert to_table(study).failed[0].values == VALUES
