"""Reports of a study of another field use its objective's own words."""

from __future__ import annotations

import io
import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
from rich.console import Console
from task_words import WORDS
from weather import CURVES, METRICS, STUDY, TABLES

from sweep.driver.listener import NullListener
from sweep.driver.run_study import Options, run_study
from sweep.errors import SpecError, StorageError
from sweep.report.figures.kinds import draw
from sweep.report.page.page import page
from sweep.report.tree.build import report_tree
from sweep.results.analysis import AnalysisOptions
from sweep.results.status import snapshot
from sweep.storage.studies import load_study, quiet_optuna, read_measures
from sweep.storage.url import StorageUrl
from sweep.study.measures import Measures
from sweep.terminal.status import print_status

pytestmark = pytest.mark.integration

Studied = tuple[optuna.Study, StorageUrl]


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Studied:
    """A study of forecasts, run by a worker."""
    address = StorageUrl.parse(f"sqlite:///{tmp_path_factory.mktemp('weather')}/study.db")
    with quiet_optuna():
        run_study(STUDY, address, NullListener(), Options(workers=1, command="lorasweep run x"))
        return load_study(address), address


@pytest.fixture(scope="module")
def tree(studied: Studied) -> dict[str, Any]:
    """Its report."""
    return report_tree(*studied, AnalysisOptions(quick=True))


def text_of(html: str) -> str:
    """The text of a page, without scripts and markup."""
    html = re.sub(r"<script.*?</script>|<style.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_measures_are_stored_with_the_study(studied: Studied) -> None:
    """As the objective gave them, readable without the objective."""
    assert read_measures(studied[0]) == Measures(METRICS, TABLES, CURVES)


def test_the_page_has_the_titles_and_units_of_the_objective(tree: dict[str, Any]) -> None:
    """In the heading, the list of metrics, both tables and the figure; the lowest is best."""
    shown = text_of(page(tree, draw(tree), plotly_js=None))

    value = tree["best"]["value"]
    assert value == min(t["value"] for t in tree["trials"])
    assert "The lowest RMSE is wanted." in shown
    assert f"Best RMSE {value:.4f} K in trial" in shown
    assert f"RMSE low {value - 0.125:.4f} K" in shown
    assert "mean deviation −0.2500 K" in shown  # noqa: RUF001 - the page's minus
    assert "stations 12" in shown
    assert "By day" in shown
    assert f"day one 1.0000 {value:.4f}" in shown
    assert "day nine" not in shown
    assert f"north {value - 1:.4f}" in shown
    assert f"Error by lead time: first day: days ahead 1.0000, RMSE (K) {value:.4f}." in shown
    assert not WORDS.search(shown), WORDS.search(shown)


def test_the_tree_has_gaps_and_no_word_of_another_field(tree: dict[str, Any]) -> None:
    """The gap between the value and its training counterpart; keys are the objective's too."""
    best = tree["best"]
    [trial] = [t for t in tree["trials"] if t["number"] == best["number"]]

    assert (trial["train_value"], trial["gap"]) == (best["value"] - 0.5, 0.5)
    assert best["days"] == {"first": {"day": 1.0, "rmse": best["value"]}}
    figures = [each.figure for each in draw(tree)]
    assert not WORDS.search(json.dumps([tree, figures]))


def test_the_status_has_the_titles_and_units_of_the_objective(studied: Studied) -> None:
    """Values and metrics of the best trial."""
    console = Console(record=True, width=200, file=io.StringIO())
    report = snapshot(*studied)
    print_status(report, console)
    shown = console.export_text()

    value = report["best"]["value"]
    assert f"best       {value:.4f} K in trial" in shown
    assert f"RMSE {value:.4f} K  RMSE low {value - 0.125:.4f} K" in shown
    assert "mean deviation -0.2500 K" in shown
    assert not WORDS.search(shown)


def test_invalid_measures_are_refused() -> None:
    """Of an objective, with path and rule, before a study starts."""
    keyed = {"key": "../up", "name": "a", "title": "", "x": "x", "y": "y", "caption": ""}
    tree = {
        "metrics": [{"name": "a", "title": "A"}, {"name": "a", "title": "B"}],
        "curves": [{**keyed, "columns": [{"name": "x", "title": "X"}], "marks": "none"}],
    }
    with pytest.raises(SpecError) as caught:
        Measures.from_json(tree, "it")
    assert [each.partition(", got")[0] for each in caught.value.faults] == [
        "it.metrics must have different names",
        "a key in it.curves must be small letters and digits, joined by -, and of no other figure",
        "an axis of it.curves.../up must name one of its columns, x",
        "it.curves.../up.marks must name a table",
    ]
    with pytest.raises(SpecError, match=r"it\.metrics\[0\]\.unit must be of type str, got 3\."):
        Measures.from_json({"metrics": [{"name": "a", "title": "A", "unit": 3}]}, "it")


def test_damaged_stored_measures_are_one_message(studied: Studied, tmp_path: Path) -> None:
    """Any program may have written the database."""
    path = str(studied[1].path)
    with (
        closing(sqlite3.connect(path)) as whole,
        closing(sqlite3.connect(tmp_path / "study.db")) as copy,
    ):
        whole.backup(copy)
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    with quiet_optuna():
        study = load_study(address)
        study.set_user_attr("measures", {"metrics": [{"name": "a"}]})
        for read in (snapshot, report_tree):
            with pytest.raises(StorageError, match="must have a title"):
                read(study, address)
