"""Build the JSON tree of a report, with all computed values; page and figures only display it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import optuna

from sweep.analysis.table import TrialTable
from sweep.analysis.verdict.preconditions import FEWEST
from sweep.files.strict_json import NOT_FINITE, said, strict_document
from sweep.report.tree.trials_by_factor import by_factor
from sweep.results.analysis import AnalysisOptions, analyse_study
from sweep.results.status import OwnObjectives, measures_of, snapshot
from sweep.results.table import to_table
from sweep.storage.attributes import is_ours, own_attributes, trials_of
from sweep.storage.errors import reading_errors
from sweep.storage.studies import read_pins, read_spec
from sweep.storage.url import StorageUrl
from sweep.study.claim import COUPLED
from sweep.study.function import FUNCTION
from sweep.study.measures import Measures
from sweep.study.spec import StudySpec
from sweep.terminal.status import baseline_means

FORMAT = 1
"""Format version of the tree, increased on incompatible changes."""

Tree = dict[str, Any]


def report_tree(
    study: optuna.Study,
    address: StorageUrl,
    inquiry: AnalysisOptions | None = None,
    own: OwnObjectives | None = None,
) -> Tree:
    """Build the report tree of a study.

    Args:
        study: a study created by lorasweep, or by plain Optuna with one objective.
        address: its storage URL.
        inquiry: settings of the analysis; None for the defaults and the study's own claims.
        own: describes lorasweep's own objectives. Without it a study that does not store what
            its objective measures has no tables and curves, nor has one whose trials store
            counts only.

    Returns:
        A JSON tree without NaN; missing values are None.

    Raises:
        StorageError: if the database cannot be read, or the study has several objectives.
        SpecError: if a claim breaks a rule or names a parameter that the study lacks.
    """
    inquiry = inquiry or AnalysisOptions()
    state = snapshot(study, address)
    with reading_errors(address):
        measures = measures_of(study, own)
        trials = trials_of(study)
        table = to_table(study)
        spec = read_spec(study) if is_ours(study) else None
    if own is not None and spec is not None and state["best"] is not None:
        metrics = own.completed(spec.objective, state["best"]["metrics"])
        state = {**state, "best": {**state["best"], "metrics": metrics}}
    analysis, cannot = _analysis(study, address, table, inquiry)
    tree = {
        "format": FORMAT,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "lorasweep": metadata.version("lorasweep"),
        "study": _study(study, state, spec, measures),
        "measures": measures.to_json(),
        **by_factor(study, trials, table, inquiry, state, measures),
        "analysis": analysis,
        "cannot": [*cannot, *_too_few(table)],
        "fixed": _fixed(study, spec),
        "baselines": state.get("baselines", []),
        "baseline_means": baseline_means(state),
        "final_test": state.get("final_test"),
        **_about(state),
        "history": state.get("history", []),
        "commands": _commands(study, state, spec),
    }
    return _as_read(tree)


def _as_read(tree: Tree) -> Tree:
    """The tree as strict JSON: lists, string keys, non-finite values listed under ``cannot``."""
    tree = strict_document(tree)
    found = dict(tree.get(NOT_FINITE, {}))
    for trial in tree["trials"]:
        found |= {
            f"{at} of trial {trial['number']}": w for at, w in trial.get(NOT_FINITE, {}).items()
        }
    if found:
        tree["cannot"] = [*tree["cannot"], f"Not finite, and shown as missing: {said(found)}."]
    return tree


def _analysis(
    study: optuna.Study, address: StorageUrl, table: TrialTable, inquiry: AnalysisOptions
) -> tuple[Tree | None, list[str]]:
    """The analysis of the trials, or None and the reasons why there is none."""
    if not len(table):
        return None, ["No trial is complete, so nothing can be said of what mattered."]
    if not table.space:
        return None, ["No parameter is shared by all trials, so nothing can be compared."]
    return analyse_study(study, address, table, inquiry), []


def _too_few(table: TrialTable) -> list[str]:
    """Reasons why the analysis is of limited use."""
    configurations = len(set(table.configurations.tolist()))
    said = []
    if 0 < configurations < FEWEST:
        said.append(
            f"{configurations} configuration{'s' if configurations > 1 else ''}: "
            f"with fewer than {FEWEST} no verdict is given."
        )
    if len(table) > 1 and len(set(table.y.tolist())) == 1:
        said.append("Every trial has the same value: no parameter can be seen to matter.")
    if len(table.space) == 1 and len(table):
        said.append("One parameter varied: there is nothing to compare it with.")
    return said


def _study(
    study: optuna.Study, state: Mapping[str, Any], spec: StudySpec | None, measures: Measures
) -> Tree:
    about = own_attributes(study).get("about") or {}
    started = [t.datetime_start for t in study.get_trials(deepcopy=False) if t.datetime_start]
    created = min(started).replace(tzinfo=UTC).isoformat(timespec="seconds") if started else None
    design = None if spec is None or spec.design is None else spec.design.to_json()
    return {
        "name": state["study"],
        "storage": state["storage"],
        "objective": state["objective"],
        "value_name": about.get("value") or measures.value.title,
        "direction": state["direction"],
        "sampler": None if spec is None else spec.sampler.name,
        "pruner": None if spec is None else spec.pruner.name,
        "seeds": [] if spec is None else list(spec.seeds),
        "spec_digest": state["spec_digest"],
        "created": created,
        "target_trials": state["target_trials"],
        "design": design,
        "driver": state.get("driver"),
    }


def _fixed(study: optuna.Study, spec: StudySpec | None) -> Tree:
    """All settings in effect that were not sampled."""
    if spec is None:
        return {}
    about = own_attributes(study).get("about") or {}
    settings = {**(about.get("settings") or {}), **spec.settings, **read_pins(study)}
    coupled = set(COUPLED) if set(COUPLED[1:]) & set(spec.space) else set()
    hidden = {*spec.space, *coupled, FUNCTION}  # the last is shown as what the study measures
    return {k: v for k, v in settings.items() if k not in hidden}


def _about(state: Mapping[str, Any]) -> Tree:
    facts: Mapping[str, Any] = state.get("facts") or {}
    about = facts.get("about") or {}
    return {
        "data": about.get("data"),
        "base": about.get("base"),
        "engine": about.get("engine"),
        "versions": facts.get("versions") or {},
        "fingerprints": facts.get("fingerprints") or {},
        "inputs": state.get("inputs") or {},
    }


def _commands(study: optuna.Study, state: Mapping[str, Any], spec: StudySpec | None) -> list[Tree]:
    """Commands that reproduce or continue the study."""
    where = f"--storage {shlex.quote(state['storage'])} --name {shlex.quote(state['study'])}"
    found = []
    ran = own_attributes(study).get("command")
    if ran:
        found.append({"what": "run it", "command": ran})
    if spec is not None:
        found.append({"what": "go on with it", "command": f"lorasweep resume {where}"})
    found.append({"what": "the verdict in words", "command": f"lorasweep importance {where}"})
    found.append({"what": "this report", "command": f"lorasweep report {where}"})
    return found
