"""Meaning of marks: intervals, replicates, outcomes, baselines."""

from __future__ import annotations

import pytest
from report_marks import figure, runs, traces
from report_trees import complete, made_of, trial

from sweep.report.figures.axes import log_axis
from sweep.report.figures.kinds import draw
from sweep.report.figures.theme import NEUTRAL


def test_seeds_of_one_configuration_are_joined() -> None:
    """Trials 4 and 7 are one configuration; their difference is noise."""
    tree = complete()
    pair = sorted(tree["trials"][n]["value"] for n in (4, 7))
    [joined] = traces(
        tree, "effect-targets", lambda t: t["mode"] == "lines" and t["line"]["width"] == 1
    )
    assert runs(joined["x"]) == [pair]
    [height] = runs(joined["y"])
    assert len(set(height)) == 1
    dots = traces(tree, "effect-targets", lambda t: "name" in t)
    at = {row[0]: y for t in dots for row, y in zip(t["customdata"], t["y"], strict=True)}
    assert (at[4], at[7]) == (height[0], height[0])


def test_trials_that_are_not_averaged_are_hollow() -> None:
    """Trial 8 is of the search, and not used."""
    [dots] = traces(complete(), "effect-targets", lambda t: t.get("name") == "attention+mlp.down")
    hollow = {
        row[0]: symbol
        for row, symbol in zip(dots["customdata"], dots["marker"]["symbol"], strict=True)
    }
    assert hollow == {2: "circle", 8: "circle-open"}


def test_a_long_interval_is_cut_at_the_axis() -> None:
    """An interval of two trials may be twenty times as long as their difference."""
    tree = complete()
    level = tree["factors"][1]["levels"][0]
    level |= {"low": -9.0, "high": 9.0}
    values = [t["value"] for t in tree["trials"] if t["value"] is not None]
    low, high = figure(tree, "effect-rank")["layout"]["yaxis"]["range"]
    span = max(values) - min(values)
    assert low < min(values) < max(values) < high
    assert high - low < 2 * span
    [drawn] = [each for each in draw(tree) if each.key == "effect-rank"]
    assert "long intervals run off the axis" in drawn.caption
    [drawn] = [each for each in draw(complete()) if each.key == "effect-rank"]
    assert "run off" not in drawn.caption


@pytest.mark.parametrize(
    ("values", "even_in", "kind", "ticks"),
    [
        ([2, 4, 8], "steps", "log", [2, 4, 8]),  # powers of two, as ranks are
        ([1e-4, 3e-4, 1e-3], "logarithm", "log", [1e-4, 3e-4, 1e-3]),
        ([0.0, 0.1, 0.3], "logarithm", "linear", [0.0, 0.1, 0.3]),  # no logarithm of 0
        ([3, 5, 6], "steps", "linear", [3, 5, 6]),
        ([1, 3, 1000], "steps", "linear", [0, 1, 2]),  # 1 and 3 would coincide
    ],
)
def test_axes_of_ordered_values(
    values: list[float], even_in: str, kind: str, ticks: list[float]
) -> None:
    """Logarithmic for log-spaced values, without coinciding labels."""
    trials = [trial(n, params={"depth": values[n % 3]}) for n in range(6)]
    tree = made_of(trials, {"depth": "ordered"})
    tree["factors"][0]["log"] = even_in == "logarithm"
    axis = figure(tree, "effect-depth")["layout"]["xaxis"]
    assert (axis["type"], axis["tickvals"]) == (kind, ticks)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (2e-3, 9e-3, [0.002, 0.005]),
        (1e-4, 1e-2, [0.0001, 0.0003, 0.001, 0.003, 0.01]),
        (1e-5, 1.0, [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0]),
        (7.0, 7.0, [5.0, 10.0]),
    ],
)
def test_a_logarithmic_axis_has_few_ticks(low: float, high: float, ticks: list[float]) -> None:
    """Few enough for a phone; the axis extends beyond the values."""
    made = log_axis("", low, high)
    start, end = (10.0**each for each in made["range"])
    assert start < low <= high < end
    assert [tick for tick in made["tickvals"] if start <= tick <= end] == ticks


def test_a_range_has_its_bins_means_as_steps() -> None:
    """Trials are at their sampled values."""
    tree = complete()
    levels = tree["factors"][2]["levels"]
    area, steps = figure(tree, "effect-learning-rate")["data"][:2]
    assert runs(steps["x"]) == [[v["from"], v["to"]] for v in levels]
    assert runs(steps["y"]) == [[v["mean"]] * 2 for v in levels]
    assert [(min(y), max(y)) for y in runs(area["y"])] == [
        (v["low"], v["high"]) for v in levels if v["low"] is not None
    ]
    axis = figure(tree, "effect-learning-rate")["layout"]["xaxis"]
    assert axis["type"] == "log"
    assert {0.0001, 0.0002, 0.0005, 0.001} <= set(axis["tickvals"])


def test_empty_cells_are_crossed_out() -> None:
    """A pale colour could be read as a value."""
    tree = complete()
    heat, crosses = figure(tree, "heat-1-rank")["data"]
    [cells] = tree["cells"]
    empty = {
        (x, y) for y, row in enumerate(cells["mean"]) for x, mean in enumerate(row) if mean is None
    }
    assert set(zip(crosses["x"], crosses["y"], strict=True)) == empty
    assert all(text.endswith("no trial") for text in crosses["customdata"])
    assert heat["z"] == cells["mean"]
    for y, row in enumerate(cells["n"]):
        for x, n in enumerate(row):
            assert heat["text"][y][x].endswith(f"n={n}" if n else "")


def test_where_lower_is_better_bright_is_low() -> None:
    """The same colour is good in every report."""
    low = complete()
    low["study"]["direction"] = "minimize"
    assert [figure(t, "heat-1-rank")["data"][0]["reversescale"] for t in (complete(), low)] == [
        False,
        True,
    ]
    [drawn] = [each for each in draw(low) if each.key == "history"]
    assert "lower is better" in drawn.caption


def test_bins_of_a_heat_map_are_labelled_by_their_ends() -> None:
    """Between columns, if there is space."""
    tree = complete()
    rate = tree["factors"][2]
    n = len(rate["levels"])
    tree["cells"] = [
        tree["cells"][0]
        | {
            "columns": "learning_rate",
            "column_labels": [v["label"] for v in rate["levels"]],
            "mean": [[0.1 * k for k in range(n)]] * 3,
            "n": [list(range(n))] * 3,
        }
    ]
    axis = figure(tree, "heat-1-learning-rate")["layout"]["xaxis"]
    ends = [*(v["from"] for v in rate["levels"]), rate["levels"][-1]["to"]]
    assert axis["ticktext"] == [f"{end:.3g}" for end in ends]
    assert axis["tickvals"] == [k - 0.5 for k in range(n + 1)]


def test_the_front_is_a_step_line_by_size() -> None:
    """A size without a trial has the value of the next smaller one."""
    trials = [trial(n, size=1000 * (1 + n), value=0.1 * (1 + n)) for n in range(4)]
    tree = made_of(trials)
    [front] = traces(tree, "size", lambda t: t.get("name") == "Pareto front")
    assert (front["x"], front["line"]["shape"]) == ([1000, 2000, 3000, 4000], "hv")
    dots = traces(tree, "size", lambda t: t["mode"] == "markers")
    at = {row[0]: x for t in dots for row, x in zip(t["customdata"], t["x"], strict=True)}
    assert at == {0: 1000, 1: 2000, 2: 3000, 3: 4000}
    axis = figure(tree, "size")["layout"]["xaxis"]
    assert axis["type"] == "log"
    assert {1000.0, 2000.0, 5000.0} <= set(axis["tickvals"])


def test_curves_show_the_outcome_of_trials() -> None:
    """Pruned dashed, running dotted, failed with a cross at the end."""
    tree = complete()
    lines = traces(tree, "curves", lambda t: t["mode"] == "lines" and "yaxis" not in t)
    dash = {row[0]: t["line"]["dash"] for t in lines for row in t["customdata"] if row}
    assert {number for number, each in dash.items() if each == "dash"} == {5}
    assert {number for number, each in dash.items() if each == "dot"} == {10}
    ends = traces(tree, "curves", lambda t: t["mode"] == "markers" and "yaxis" not in t)
    crossed = [
        row[0]
        for t in ends
        if isinstance(t["marker"]["symbol"], list)
        for row, symbol in zip(t["customdata"], t["marker"]["symbol"], strict=True)
        if symbol == "x"
    ]
    assert crossed == [9]
    assert [len(runs(t["y"])) for t in lines if t["line"]["dash"] == "solid"] == [4, 3, 2]


def test_a_legend_entry_toggles_both_panels() -> None:
    """It belongs to all traces of its level."""
    data = figure(complete(), "curves")["data"]
    listed = [trace["name"] for trace in data if trace["showlegend"]]
    assert sorted(listed) == ["attention+mlp.down", "qkv", "query+value"]
    assert {trace["legendgroup"] for trace in data} == set(listed)
    assert {trace.get("yaxis", "y") for trace in data} == {"y", "y2"}


def test_without_losses_there_is_one_panel() -> None:
    """Plain Optuna stores no losses."""
    curve = [{"step": k, "value": 0.1 * k, "loss": None} for k in range(3)]
    layout = figure(made_of([trial(0, curve=curve), trial(1, curve=curve)]), "curves")["layout"]
    assert "yaxis2" not in layout
    assert "domain" not in layout["yaxis"]


def test_long_curves_have_one_hover_label_at_their_end() -> None:
    """Parameters at each of many points would need megabytes."""
    curve = [{"step": k, "value": 0.1, "loss": None} for k in range(1600)]
    data = figure(made_of([trial(0, curve=curve), trial(1, curve=curve)]), "curves")["data"]
    lengths = {t["mode"]: {len(row) for row in t["customdata"] if row} for t in data}
    assert lengths == {"lines": {1}, "markers": {7}}


def test_the_history_has_phases_baselines_and_the_best_so_far() -> None:
    """In order of trials."""
    tree = complete()
    by_name = {t["name"]: t for t in figure(tree, "history")["data"]}
    assert by_name["best so far"]["line"]["shape"] == "hv"
    assert by_name["best so far"]["y"] == [step["best"] for step in tree["best_so_far"]]
    assert by_name["baseline head only"]["y"] == [0.1907, 0.1907]
    dashes = {t["line"]["dash"] for name, t in by_name.items() if name.startswith("baseline")}
    assert len(dashes) == 2
    later = by_name["attention+mlp.down"]
    symbols = dict(
        zip((row[0] for row in later["customdata"]), later["marker"]["symbol"], strict=True)
    )
    assert symbols == {
        2: by_name["measure"]["marker"]["symbol"],
        8: by_name["search"]["marker"]["symbol"],
    }
    assert symbols[2] != symbols[8]


def test_of_many_lines_the_best_tenth_is_coloured() -> None:
    """The others are for comparison."""
    tree = made_of([trial(n) for n in range(100)])
    by_name: dict[str, set[int]] = {}
    for trace in figure(tree, "parallel")["data"]:
        of = {row[0] for row in trace["customdata"] if row}
        grey = trace["line"]["color"] == NEUTRAL
        by_name.setdefault("rest" if grey else "best", set()).update(of)
    assert by_name["best"] == set(tree["ranking"][:10])
    assert by_name["rest"] == set(tree["ranking"][10:])


def test_hover_labels_have_all_of_a_trial() -> None:
    """Number, parameters by their labels, seed and phase, in every figure of trials."""
    tree = complete()
    fields = ["qkv", "4", "0.000137", 7001, "measure"]
    for key in ("effect-targets", "effect-rank", "size", "gap", "history", "parallel", "curves"):
        rows = [row for t in figure(tree, key)["data"] for row in t.get("customdata") or [] if row]
        assert [1, *fields] in [row[:6] for row in rows], key
        [template] = {
            t["hovertemplate"]
            for t in figure(tree, key)["data"]
            if [1, *fields] in [row[:6] for row in t.get("customdata") or [] if row]
            and (key != "curves" or ("yaxis" not in t and t["mode"] == "lines"))
        }
        for place, name in enumerate(("targets", "rank", "learning_rate", "seed", "phase"), 1):
            assert f"<br>{name} %{{customdata[{place}]}}" in template


def test_long_values_are_cut_in_hover_labels() -> None:
    """Plotly does not wrap them, and they would exceed the screen."""
    tree = made_of([trial(n, params={"sets": "x" * 90 + str(n)}) for n in range(3)])
    tree["factors"] = [{"name": "sets", "kind": "choice", "levels": [], "derived": False}]
    [dots] = traces(tree, "history", lambda t: t["mode"] == "markers")
    assert {row[1] for row in dots["customdata"]} == {"x" * 39 + "…"}


def test_further_parameters_are_counted() -> None:
    """A hover label of thirty lines is taller than a phone."""
    params = {f"p{k}": 0.5 * k for k in range(20)}
    trials = [trial(n, params={k: v + n for k, v in params.items()}) for n in range(3)]
    tree = made_of(trials, dict.fromkeys(params, "ordered"))
    [dots] = traces(tree, "history", lambda t: t["mode"] == "markers")[:1]
    assert "and 4 more parameters" in dots["hovertemplate"]
    assert len(dots["customdata"][0]) == 1 + 16 + 2


def test_chosen_thresholds_are_marked() -> None:
    """Both reported decisions, on both curves."""
    tree = complete()
    marks = {
        key: [(t["name"], t["x"], t["y"]) for t in figure(tree, key)["data"] if "name" in t]
        for key in ("precision-recall", "mcc-threshold")
    }
    assert marks == {
        "precision-recall": [
            ("argmax", [0.61], [0.53]),
            ("chosen on validation", [0.68], [0.47]),
        ],
        "mcc-threshold": [("argmax", [0.5], [0.46]), ("chosen on validation", [0.41], [0.475])],
    }


def test_a_failure_is_shown_with_its_reason() -> None:
    """In the hover label and in the text alternative."""
    tree = complete()
    [failed] = traces(tree, "timeline", lambda t: t["name"] == "failed")
    assert failed["customdata"][0][-1] == "exception: ValueError: loss is nan"
    [drawn] = [each for each in draw(tree) if each.key == "timeline"]
    assert "trial 9: exception: ValueError: loss is nan" in drawn.summary
