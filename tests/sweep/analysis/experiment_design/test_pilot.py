import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sweep import Choice, Claim, Design, Float, Space, StudySpec, TargetSets
from sweep.analysis.experiment_design.pilot import central, pilot_of, pilot_points
from sweep.analysis.experiment_design.pilot_report import collapse_rate, pilot_report
from sweep.analysis.table import Row, TrialTable
from sweep.study.design import Pilot

SPACE = Space(
    {
        "rank": Choice(2, 4, 8),
        "targets": TargetSets("qkv", "mlp", wide="all-linear"),
        "learning_rate": Float(1e-4, 1e-2, log=True),
    }
)
SPEC = StudySpec(
    "s",
    "a.b:C",
    SPACE,
    design=Design(10, 2, seed=3),
    claims=(Claim(over=("rank",), negligible=("rank",)),),
)
WIDE = SPACE["targets"].values[2]


def test_a_pilot_is_a_separate_study() -> None:
    """It survives JSON, and resumes from its database like any."""
    pilot = pilot_of(SPEC)

    assert pilot.name == "s-pilot"
    assert pilot.design == Pilot("targets", "learning_rate", seed=3)
    assert pilot.budget.trials == 2 * 6 + 5 * 3
    assert StudySpec.from_json(pilot.to_json()) == pilot
    assert pilot.digest() != SPEC.digest()


def test_two_choices_are_replicated_and_tried_over_the_range() -> None:
    """Six seeds of the first and the last choice in the middle, five rates of each."""
    points = pilot_points(SPACE, pilot_of(SPEC).design)
    runs = Counter((p.values["targets"], round(p.values["learning_rate"], 9)) for p in points)
    middle = sorted({rate for _, rate in runs})[2]

    assert len({rate for _, rate in runs}) == 5
    assert middle == pytest.approx(1e-3)
    assert {choice for (choice, rate), n in runs.items() if n == 7 and rate == middle} == {
        SPACE["targets"].values[0],
        WIDE,
    }
    assert sum(runs.values()) == 27
    assert len(runs) == 15
    assert {point.values["rank"] for point in points} == {4}
    assert len({point.seed for point in points}) == 27
    assert len({(point.index, point.replicate) for point in points}) == 27


def test_a_space_without_a_learning_rate_measures_noise_only() -> None:
    """And without target sets, with the first unordered or the first parameter."""
    spec = replace(SPEC, space=Space({"rank": Choice(1, 2, 4)}), claims=(), design=None)
    pilot = pilot_of(spec)

    assert (pilot.design.dominant, pilot.design.nuisance) == ("rank", "")
    assert [p.values["rank"] for p in pilot_points(spec.space, pilot.design)].count(4) == 6


def rows(value: object, collapses: object = lambda _: False) -> TrialTable:
    """The pilot's trials, with values and collapses as functions of the configuration."""
    made = []
    for number, point in enumerate(pilot_points(SPACE, pilot_of(SPEC).design)):
        lost = collapses(point)
        y = 0.0 if lost else value(point)
        made.append(Row(number, point.values, y, seconds=4.0, collapsed=lost))
    return TrialTable.from_rows(made, space=SPACE)


def test_noise_is_pooled_with_its_interval() -> None:
    """The pooled variance within configurations; the interval is the chi-square one."""
    rng = np.random.default_rng(1)
    table = rows(lambda point: {"qkv": 0.1}.get(point.values["targets"], 0.3) + rng.normal(0, 0.02))
    noise = pilot_report(table, pilot_of(SPEC).design)["noise"]
    groups: dict[str, list[float]] = {}
    for row in table.rows:
        groups.setdefault(str(row.values), []).append(row.value)
    repeated = [np.array(group) for group in groups.values() if len(group) > 1]
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in repeated)

    assert noise["degrees"] == 12
    assert noise["sd"] == pytest.approx(math.sqrt(squares / 12))
    assert noise["low"] == pytest.approx(noise["sd"] * math.sqrt(12 / stats.chi2.isf(0.025, 12)))
    assert noise["high"] == pytest.approx(noise["sd"] * math.sqrt(12 / stats.chi2.isf(0.975, 12)))


def peaked(point: object) -> float:
    """A maximum at 1e-3, for the wide set at the next lower rate."""
    at = math.log10(point.values["learning_rate"])
    return -((at + (3.5 if point.values["targets"] == WIDE else 3.0)) ** 2)


def test_the_range_covers_every_optimum_and_ends_before_collapses() -> None:
    """From a sixth of the lowest optimum up to the last rate without a collapse."""
    table = rows(peaked, lambda p: p.values["learning_rate"] > 5e-3 and p.values["targets"] == WIDE)
    report = pilot_report(table, pilot_of(SPEC).design)
    nuisance = report["nuisance"]

    assert nuisance["best"]["wide"] == pytest.approx(10**-3.5)
    assert nuisance["best"]["qkv"] == pytest.approx(1e-3)
    assert nuisance["range"]["low"] == pytest.approx(1e-4)
    assert nuisance["range"]["high"] == pytest.approx(10**-2.5)
    assert report["collapsed"] == 1
    assert report["seconds_per_trial"] == 4.0
    assert [cell for cell in nuisance["curve"] if cell["collapsed"]] == [
        {"choice": "wide", "at": 0.01, "mean": None, "runs": 1, "collapsed": 1}
    ]


def test_a_choice_that_always_collapses_is_named() -> None:
    """No range suits it."""
    report = pilot_report(
        rows(peaked, lambda p: p.values["targets"] == WIDE), pilot_of(SPEC).design
    )

    assert report["nuisance"]["best"]["wide"] is None
    assert report["nuisance"]["range"] is None
    assert report["notes"][0] == "wide: every run collapsed"


def test_an_optimum_at_the_end_of_the_range_is_noted() -> None:
    """It may be beyond."""
    report = pilot_report(rows(lambda p: p.values["learning_rate"]), pilot_of(SPEC).design)

    assert "qkv: best at the highest value tried; its best may lie beyond" in report["notes"]


def test_noise_excludes_collapsed_runs() -> None:
    """As marked in the table, whatever their value: one of the runs in the middle."""
    rng = np.random.default_rng(1)
    table = rows(lambda _: 0.3 + rng.normal(0, 0.01))
    lost = next(
        row.number
        for row in table.rows
        if row.values["learning_rate"] == central(SPACE["learning_rate"])
        and row.values["targets"] == WIDE
    )
    fell = [replace(r, value=9.0, collapsed=True) if r.number == lost else r for r in table.rows]
    without = table.only(lambda row: row.number != lost)

    pilot = pilot_of(SPEC).design
    noise = pilot_report(replace(table, rows=tuple(fell)), pilot)["noise"]

    assert noise == pilot_report(without, pilot)["noise"]
    assert noise["degrees"] == 11


def test_few_runs_without_a_collapse_have_an_upper_bound() -> None:
    """That of Clopper and Pearson, for the runs within the recommended range."""
    spared = rows(peaked)  # recommended up to 6e-3
    fell = rows(peaked, lambda p: p.values["learning_rate"] > 2e-3 and p.values["targets"] == WIDE)
    pilot = pilot_of(SPEC).design

    whole = pilot_report(spared, pilot)["collapse_rate"]
    cut = pilot_report(fell, pilot)["collapse_rate"]

    assert (whole["runs"], whole["collapsed"]) == (24, 0)
    assert whole["at_most"] == pytest.approx(1 - 0.05 ** (1 / 24))
    both_notes = [pilot_report(each, pilot)["notes"] for each in (spared, fell)]
    assert ["a bit low" in " ".join(notes) for notes in both_notes] == [False, True]
    assert (cut["runs"], cut["collapsed"]) == (21, 0)  # three sets at one rate fewer
    assert cut["at_most"] == pytest.approx(1 - 0.05 ** (1 / 21))
    assert pilot_report(rows(peaked, lambda _: True), pilot)["collapse_rate"] is None


@pytest.mark.parametrize(("runs", "collapsed"), [(37, 0), (37, 1), (20, 7), (6, 6)])
def test_the_bound_on_collapses_has_its_confidence(runs: int, collapsed: int) -> None:
    """At the bound, as few or fewer have a probability of 5 %; all collapsed gives no bound."""
    at_most = collapse_rate(runs, collapsed)["at_most"]

    if collapsed == runs:
        assert at_most == 1.0
    else:
        assert stats.binom.cdf(collapsed, runs, at_most) == pytest.approx(0.05)


def test_without_a_nuisance_all_runs_count_for_the_bound() -> None:
    """There is no range to recommend."""
    pilot = replace(pilot_of(SPEC).design, nuisance="")
    table = rows(peaked, lambda p: p.values["targets"] == WIDE)
    fell = sum(row.collapsed for row in table.rows)

    assert pilot_report(table, pilot)["collapse_rate"] == collapse_rate(27, fell)


def sized(**per_rank: float) -> TrialTable:
    """The pilot's trials with the size of each target set per unit of rank."""
    table = rows(peaked)
    label = SPACE["targets"].label
    made = [
        replace(r, size=per_rank[label(r.values["targets"])] * r.values["rank"])
        if label(r.values["targets"]) in per_rank
        else r
        for r in table.rows
    ]
    return replace(table, rows=tuple(made))


def test_sizes_of_target_sets_are_per_unit_of_rank() -> None:
    """Of all sets, or of none: a comparison needs every one."""
    pilot = pilot_of(SPEC).design
    known = pilot_report(sized(qkv=30.0, mlp=50.0, wide=90.0), pilot)["sizes"]

    assert known == dict(zip(SPACE["targets"].values, (30.0, 50.0, 90.0), strict=True))
    assert pilot_report(sized(qkv=30.0, mlp=50.0), pilot)["sizes"] == {}
    assert pilot_report(rows(peaked), pilot)["sizes"] == {}
    assert (
        pilot_report(sized(qkv=1.0, mlp=1.0, wide=1.0), replace(pilot, dominant="rank"))["sizes"]
        == {}
    )
