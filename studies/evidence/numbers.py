"""From the studies' databases to one JSON tree, from which every figure in the documents comes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import optuna
from optuna.trial import TrialState

from objectives import described
from studies.evidence.contrasts import lengths
from studies.evidence.narrowed import narrowed
from studies.evidence.replication import names, replication
from sweep.analysis.experiment_design.pilot_report import pilot_report
from sweep.analysis.table import TrialTable
from sweep.errors import SweepError
from sweep.report.tree.build import report_tree
from sweep.results.table import to_table
from sweep.storage.studies import open_known, read_spec
from sweep.storage.url import StorageUrl
from sweep.study.design import MEASURE, PILOT_SUFFIX, Pilot
from sweep.study.parameters import Float

RESULTS = Path(__file__).parents[1] / "results"  # the folder of the databases
NUMBERS = RESULTS / "numbers.json"

MEASUREMENT = "binding_sites"
LONGER = "binding_sites_longer"
CONFIRM = "binding_sites_confirm"
REDUCED = ("reduced_random", "reduced_mini")  # runs of ``studies.reduced``, each on another base
THIRDS = 3  # into how many parts of equal ratio the rates are cut beside the ranks
REPLICATION = "card_replication"
FINAL = "binding_sites_final"

Tree = dict[str, Any]


def numbers(folder: Path = RESULTS) -> Tree:
    """Analyse every study that has a database and is done.

    A study under way is left out: to stop at a result one likes would inflate false positives.

    Args:
        folder: with one SQLite file per study, of its name.

    Returns:
        A JSON tree: ``names``, and by study what was found.
    """
    found: Tree = {"names": names()}
    for name, read in READERS.items():
        if (folder / f"{name}.db").is_file() and _done(folder, name):
            found[name] = read(folder, name)
    return dict(json.loads(json.dumps(found, allow_nan=False)))


def _opened(folder: Path, name: str, study: str | None = None) -> tuple[optuna.Study, StorageUrl]:
    address = StorageUrl.parse(f"sqlite:///{folder / name}.db")
    return open_known(address, study or name), address


def _done(folder: Path, name: str) -> bool:
    """Whether a study has all the trials that it is to have."""
    study, _ = _opened(folder, name)
    complete = [t for t in study.get_trials(deepcopy=False) if t.state == TrialState.COMPLETE]
    return len(complete) >= read_spec(study).budget.trials


def _measurement(folder: Path, name: str) -> Tree:
    study, address = _opened(folder, name)
    tree = report_tree(study, address, own=described)
    levels = {factor["name"]: factor["levels"] for factor in tree["factors"]}
    analysis = {key: tree["analysis"][key] for key in ("claims", "methods", "registered", "n")}
    return {
        **_common(tree),
        "pilot": _pilot(folder, name),
        "design": tree["study"]["design"],
        "analysis": analysis,
        "levels": levels,
        "gaps": tree["gaps"],
        "rank_by_rate": rank_by_rate(to_table(study)),
        "front": tree["front"],
        "best": _best(tree),
    }


def _longer(folder: Path, name: str) -> Tree:
    shorter, longer = (to_table(_opened(folder, each)[0]) for each in (MEASUREMENT, name))
    found, claims = _measurement(folder, name), read_spec(_opened(folder, name)[0]).claims
    return {
        **found,
        "beside": lengths(shorter, longer),
        "narrowed": narrowed(longer, claims, found["analysis"]["claims"]),
    }


def rank_by_rate(table: TrialTable) -> list[Tree]:
    """Mean objective of the measured trials by rank, in each third of the range of rates.

    None for a third without trials.

    Args:
        table: of a study with ``rank`` and a logarithmic ``learning_rate``.
    """
    axis = table.space["learning_rate"]
    assert isinstance(axis, Float)  # noqa: S101  # of our own studies
    ends = np.geomspace(axis.low, axis.high, THIRDS + 1)[1:-1]
    found: dict[float, list[list[float]]] = {}
    for row in table.rows:
        if row.phase == MEASURE:
            third = int(np.searchsorted(ends, float(row.values["learning_rate"])))
            rows = found.setdefault(float(row.values["rank"]), [[] for _ in range(THIRDS)])
            rows[third].append(row.value)
    return [
        {
            "rank": rank,
            "n": [len(each) for each in rows],
            "mean": [fmean(each) if each else None for each in rows],
        }
        for rank, rows in sorted(found.items())
    ]


def _common(tree: Tree) -> Tree:
    """The entries that every study has."""
    seconds = [trial["seconds"] or 0.0 for trial in tree["trials"]]
    seconds += [baseline["seconds"] or 0.0 for baseline in tree["baselines"]]
    return {
        "digest": tree["study"]["spec_digest"],
        "created": tree["study"]["created"],
        "counts": tree["counts"],
        "core_hours": math.fsum(seconds) / 3600,
        "seconds": math.fsum(seconds) / len(seconds),
        "failures": tree["failures"],
        "baselines": tree["baseline_means"],
        "fixed": tree["fixed"],
        "data": tree["data"],
        "engine": tree["engine"],
        "versions": tree["versions"],
        "fingerprints": tree["fingerprints"],
    }


def _best(tree: Tree) -> Tree:
    best = tree["best"]
    wanted = ("number", "value", "params", "shown", "lora_config")
    figures = ("mcc_low", "mcc_high", "mcc_at_threshold", "roc_auc", "pr_auc", "mcc_gap")
    return {**{key: best[key] for key in wanted}, **{key: best["metrics"][key] for key in figures}}


def _pilot(folder: Path, name: str) -> Tree | None:
    """The pilot's report; None of a study with the range of another."""
    try:
        study, _ = _opened(folder, name, name + PILOT_SUFFIX)
    except SweepError:
        return None
    design = read_spec(study).design
    return pilot_report(to_table(study), design) if isinstance(design, Pilot) else None


def _replication(folder: Path, name: str) -> Tree:
    study, address = _opened(folder, name)
    return {**_common(report_tree(study, address, own=described)), **replication(to_table(study))}


def _final(folder: Path, name: str) -> Tree:
    study, address = _opened(folder, name)
    tree = report_tree(study, address, own=described)
    return {**_common(tree), "best": _best(tree), "final_test": tree["final_test"]}


READERS: Mapping[str, Callable[[Path, str], Tree]] = {
    MEASUREMENT: _measurement,
    LONGER: _longer,
    CONFIRM: _measurement,
    **dict.fromkeys(REDUCED, _measurement),
    REPLICATION: _replication,
    FINAL: _final,
}
"""What is read of each study."""
