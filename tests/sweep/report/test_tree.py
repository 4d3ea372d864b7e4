"""The tree of a real study, recomputed from its trials by other means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from report_studies import mixed, plain
from scipy import stats

from sweep.errors import StorageError
from sweep.report.tree.build import report_tree
from sweep.results.analysis import AnalysisOptions
from sweep.storage.studies import open_known
from sweep.storage.url import StorageUrl

pytestmark = pytest.mark.integration

QUICK = AnalysisOptions(quick=True)
Found = tuple[dict[str, Any], optuna.Study]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """A tree and its study."""
    study, address = mixed(tmp_path_factory.mktemp("mixed"))
    return report_tree(open_known(address), address, QUICK), study


def test_every_trial_is_listed_with_its_outcome(found: Found) -> None:
    """Out of memory is a failure, although Optuna's state is PRUNED."""
    tree, study = found
    trials = study.get_trials()
    kinds = [trial["kind"] for trial in tree["trials"]]

    assert [t["number"] for t in tree["trials"]] == [t.number for t in trials]
    assert {"complete", "failed"} <= set(kinds)
    memory = [t for t in tree["trials"] if t["reason"] and t["reason"].startswith("out_of_memory")]
    assert memory
    assert {(t["state"], t["kind"]) for t in memory} == {("PRUNED", "failed")}
    assert sum(tree["counts"][kind] for kind in set(kinds)) == len(trials) == tree["counts"]["all"]
    assert tree["counts"]["collapsed"] == sum(t["collapsed"] for t in tree["trials"]) > 0
    assert len(tree["failures"]) == tree["counts"]["failed"] + tree["counts"]["interrupted"]
    assert all(len(t["curve"]) == 3 for t in tree["trials"] if t["kind"] == "complete")


def test_a_level_s_mean_counts_a_configuration_once(found: Found) -> None:
    """Mean and t interval over the means of replicates, from the values in the database."""
    tree, study = found
    values = {trial.number: trial.value for trial in study.get_trials()}
    [targets] = [factor for factor in tree["factors"] if factor["name"] == "targets"]
    assert [level["label"] for level in targets["levels"]] == ["qkv", "mlp", "wide"]

    for level in targets["levels"]:
        mine = [t for t in tree["trials"] if t["used"] and t["params"]["targets"] == level["value"]]
        groups: dict[tuple[object, ...], list[float]] = {}
        for trial in mine:
            key = tuple(trial["params"][n] for n in ("rank", "alpha", "learning_rate"))
            groups.setdefault(key, []).append(values[trial["number"]])
        means = [float(np.mean(group)) for group in groups.values()]
        low, high = stats.t.interval(
            0.95, len(means) - 1, loc=np.mean(means), scale=stats.sem(means)
        )
        assert max(map(len, groups.values())) == 2
        assert (level["n"], level["configurations"]) == (len(mine), len(means))
        assert level["mean"] == pytest.approx(np.mean(means), rel=1e-12)
        assert (level["low"], level["high"]) == pytest.approx((low, high), rel=1e-9)


def test_collapsed_trials_are_shown_and_not_averaged(found: Found) -> None:
    """As in the verdict, which counts them separately."""
    tree, _ = found

    assert not any(trial["used"] for trial in tree["trials"] if trial["collapsed"])
    assert sum(t["used"] for t in tree["trials"]) < tree["counts"]["complete"]


def test_each_level_and_cell_has_every_used_trial_once(found: Found) -> None:
    """Also for bins of the learning rate, and the derived scaling."""
    tree, _ = found
    used = sum(trial["used"] for trial in tree["trials"])
    names = {factor["name"]: factor for factor in tree["factors"]}

    assert names["learning_rate"]["kind"] == "range"
    assert names["scaling"]["derived"] is True
    for factor in tree["factors"]:
        assert sum(level["n"] for level in factor["levels"]) == used, factor["name"]
    for cells in tree["cells"]:
        assert np.sum(cells["n"]) == used
        empty = np.array(cells["n"]) == 0
        assert (np.array(cells["mean"], dtype=object)[empty] == None).all()  # noqa: E711
    assert [cells["columns"] for cells in tree["cells"]][:2] == ["rank", "scaling"]


def test_ranking_and_best_so_far_follow_the_values(found: Found) -> None:
    """Best first; the best so far is never worse than the trial before."""
    tree, study = found

    complete = [t for t in study.get_trials() if t.value is not None]
    assert tree["ranking"][0] == tree["best"]["number"] == study.best_trial.number
    assert sorted(tree["ranking"]) == [trial.number for trial in complete]
    running = np.maximum.accumulate([trial.value for trial in complete])
    assert [point["best"] for point in tree["best_so_far"]] == running.tolist()


def test_the_tree_is_strict_json_and_has_the_command(found: Found) -> None:
    """No NaN, no tuple keys; the command line is kept."""
    tree, _ = found

    assert json.loads(json.dumps(tree, allow_nan=False))["format"] == 1
    assert tree["commands"][0] == {"what": "run it", "command": "lorasweep run x"}
    assert tree["study"]["storage"] in tree["commands"][1]["command"]
    assert tree["fixed"]["noise"] == 0.01


@pytest.mark.parametrize("trials", [0, 1, 2, 8])
def test_a_study_with_little_data_has_notes(tmp_path: Path, trials: int) -> None:
    """What cannot be shown has a sentence, not an error or a number."""
    study, address = plain(tmp_path, trials)

    tree = report_tree(study, address, QUICK)

    assert json.dumps(tree, allow_nan=False)
    sentences = " ".join(tree["cannot"])
    assert ("No trial is complete" in sentences) is (trials == 0)
    assert ("fewer than 20" in sentences) is (trials > 0)
    assert ("same value" in sentences) is (trials > 1)
    assert (tree["analysis"] is None) is (trials == 0)
    assert (tree["best"] is None) is (trials == 0)


def test_several_objectives_are_refused(tmp_path: Path) -> None:
    """There is no single value to show."""
    url = f"sqlite:///{tmp_path}/two.db"
    study = optuna.create_study(storage=url, directions=["maximize", "minimize"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 1.0), n_trials=2)

    with pytest.raises(StorageError, match="must have one objective"):
        report_tree(study, StorageUrl.parse(url), QUICK)
