"""Figures of importance: shares, intervals, null bands, noise floors."""

from __future__ import annotations

from report_marks import figure, runs
from report_trees import complete, share

from sweep.report.figures.intervals import row_height
from sweep.report.figures.kinds import draw


def test_each_share_has_its_null_band() -> None:
    """The share expected by chance."""
    data = figure(complete(), "importance-fanova")["data"]
    [band] = [trace for trace in data if trace.get("fill") == "toself"]
    assert [(min(xs), max(xs)) for xs in runs(band["x"])] == [(0, 0.2113)] * 7
    dots = data[-1]
    assert dots["x"] == [0.6171, 0.1234, 0.0312, 0.0517, 0.2917, 0.3151, 0.2283]
    assert dots["marker"]["symbol"] == [
        "circle",
        "circle-open",
        "circle-open",
        "diamond-open",
        "square",
        "cross",
        "x",
    ]
    assert dots["customdata"][1] == [
        "learning_rate: 0.1234 [0.0876, 0.1617],<br>chance up to 0.2113"
    ]
    lines = [trace["x"] for trace in data if trace["mode"] == "lines"]
    assert lines == [[x * 0.71, min(1.0, x * 1.31)] for x in dots["x"]]


def test_rows_that_were_not_sampled_are_marked() -> None:
    """Derived parameters, groups and interactions overlap with sampled ones."""
    names = figure(complete(), "importance-fanova")["layout"]["yaxis"]["ticktext"]
    assert names == [
        "targets",
        "learning_rate",
        "rank",
        "scaling<br>(derived)",
        "rank + alpha<br>together",
        "rank and<br>targets beyond<br>each",
        "interactions<br>and noise",
    ]


def test_rows_are_as_high_as_their_labels() -> None:
    """Three lines need more space than two."""
    assert row_height(["rank", "attention+mlp.down"]) < row_height(["rank", "a" * 40])


def test_without_permutations_there_is_no_band() -> None:
    """Importance may be computed without them."""
    tree = complete()
    for row in tree["analysis"]["methods"][0]["rows"]:
        row["null"] = None
    data = figure(tree, "importance-fanova")["data"]
    assert not [trace for trace in data if trace.get("fill")]
    assert len(data[-1]["x"]) == 8  # without a null, no pair is left out
    assert not any("open" in symbol for symbol in data[-1]["marker"]["symbol"])


def test_methods_that_disagree_have_separate_figures() -> None:
    """So that the disagreement is visible."""
    firsts = [
        figure(complete(), f"importance-{name}")["layout"]["yaxis"]["ticktext"][0]
        for name in ("fanova", "ped-anova")
    ]
    assert firsts == ["targets", "rank"]


def test_a_method_without_a_result_has_a_reason() -> None:
    """Its note."""
    tree = complete()
    tree["analysis"]["methods"][1] |= {"rows": [], "notes": ["Nothing to share out."]}
    [drawn] = [each for each in draw(tree) if each.key == "importance-ped-anova"]
    assert (drawn.figure, drawn.empty) == (None, "Nothing to share out.")


def test_effects_are_shown_with_the_noise_floor_and_the_bound() -> None:
    """An effect is compared with both."""
    data = figure(complete(), "variance-components")["data"]
    assert [(min(xs), max(xs)) for xs in runs(data[0]["x"])] == [(0, 0.0213)] * 3
    [bound] = [trace for trace in data if trace.get("name") == "negligible below"]
    assert bound["x"] == [0.00353, 0.00353]
    assert data[-1]["marker"]["symbol"] == ["circle", "circle-open", "square-open"]


def test_a_share_up_to_the_null_is_marked_as_chance() -> None:
    """Such shares are no evidence."""
    tree = complete()
    tree["analysis"]["methods"][0]["rows"] = [share("targets", 0.2113), share("rank", 0.2114)]
    dots = figure(tree, "importance-fanova")["data"][-1]
    assert dots["marker"]["symbol"] == ["circle-open", "circle"]
