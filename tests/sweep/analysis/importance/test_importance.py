"""From a table to importance records; invariants of all methods are in ``test_methods``."""

from __future__ import annotations

import numpy as np
import pytest
from few_trees import few_trees
from tables import LORA, study_table, surface_table

from sweep.analysis.importance.importance import importance
from sweep.analysis.importance.methods import ALL_METHODS
from sweep.analysis.table import TrialTable
from sweep.study.parameters import Choice, Float
from sweep.study.space import Space


def test_targets_come_first_where_they_dominate() -> None:
    """On the synthetic MCC the targets explain 98.6 % of the variance over the whole space."""
    result = importance(surface_table(60), seed=0, n_bootstrap=10, n_null=0)

    assert result.top is not None
    assert result.top.name == "targets"
    assert result.top.share > 0.75
    assert result.row("rank").share < 0.15
    assert result.row("scaling").share < 0.15


def test_linear_shares_are_four_fifths_and_one_fifth() -> None:
    """2 x1 + x2 on equal ranges, end to end."""
    space = Space({"x1": Float(0.0, 1.0), "x2": Float(0.0, 1.0)})
    table = study_table(space, 400, lambda v: 2.0 * float(v["x1"]) + float(v["x2"]))

    result = importance(table, n_bootstrap=0, n_null=0)

    assert result.row("x1").share == pytest.approx(0.8, abs=0.04)
    assert result.row("x2").share == pytest.approx(0.2, abs=0.04)
    assert result.row("interactions").share < 0.05


def test_choices_are_ordered_by_value_not_by_position() -> None:
    """Choice(8, 1, 4, 2) is the same axis as Choice(1, 2, 4, 8)."""
    shuffled = Space({"rank": Choice(8, 1, 4, 2), "x": Float(0.0, 1.0)})
    ordered = Space({"rank": Choice(1, 2, 4, 8), "x": Float(0.0, 1.0)})
    rows = study_table(shuffled, 30, lambda v: float(v["rank"]) + float(v["x"])).rows

    tables = [TrialTable.from_rows(rows, space=space) for space in (shuffled, ordered)]
    shares = [
        {row.name: row.share for row in importance(table, n_bootstrap=0, n_null=0).rows}
        for table in tables
    ]

    assert shares[0] == pytest.approx(shares[1], abs=0.02)


def test_the_group_does_not_depend_on_the_parametrisation() -> None:
    """If only alpha/rank matters, rank and alpha have half each and the pair has all of it."""
    table = study_table(LORA, 200, lambda v: np.log2(float(v["alpha"]) / float(v["rank"])))

    result = importance(table, n_bootstrap=0, n_null=0)

    assert result.row("rank").share == pytest.approx(0.45, abs=0.1)
    assert result.row("alpha").share == pytest.approx(0.55, abs=0.1)
    assert result.row("scaling").share > 0.9
    assert result.row("rank+alpha").share > 0.97
    assert any("rank and alpha act together" in note for note in result.notes)


@few_trees()
def test_derived_and_group_rows_name_their_members() -> None:
    """The scaling's share must not be added to those of rank and alpha."""
    result = importance(surface_table(30), n_bootstrap=0, n_null=0)

    roles = {row.name: (row.role, row.of) for row in result.rows}
    assert roles == {
        "targets": ("sampled", ()),
        "rank": ("sampled", ()),
        "alpha": ("sampled", ()),
        "scaling": ("derived", ("rank", "alpha")),
        "rank+alpha": ("group", ("rank", "alpha")),
        "alpha:rank": ("interaction", ("alpha", "rank")),
        "alpha:targets": ("interaction", ("alpha", "targets")),
        "rank:targets": ("interaction", ("rank", "targets")),
        "interactions": ("interactions", ()),
    }


@few_trees()
def test_alpha_is_the_derived_row_if_scaling_is_sampled() -> None:
    """Computed like the scaling in other studies."""
    space = Space({"rank": Choice(1, 2, 4, 8), "scaling": Float(0.25, 4.0, log=True)})
    table = study_table(space, 40, lambda v: float(v["rank"]) * float(v["scaling"]))

    for method in ALL_METHODS:
        result = importance(table, method=method, n_bootstrap=0, n_null=0)
        assert result.row("alpha").role == "derived"
        assert result.row("scaling").role == "sampled"


def test_ped_anova_finds_what_distinguishes_the_best() -> None:
    """One value of one parameter gives the best tenth."""
    table = study_table(
        LORA, 120, lambda v: 1.0 if v["rank"] == 8 else 0.001 * float(v["alpha"]), seed=4
    )

    result = importance(table, method="ped_anova", n_bootstrap=0, n_null=0)

    assert result.top is not None
    assert result.top.name == "rank"
    assert "top 10 %" in result.question
