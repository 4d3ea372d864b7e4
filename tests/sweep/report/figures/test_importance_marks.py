"""What marks of importance stand for: shares, intervals, chance, noise floors."""

from __future__ import annotations

from report_marks import figure, runs
from report_trees import complete, share

from sweep.report.figures.intervals import row_height
from sweep.report.figures.kinds import draw


def test_each_row_of_importance_stands_on_what_chance_gives() -> None:
    """A share without its null band is a bare bar chart."""
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


def test_rows_that_were_not_sampled_say_so() -> None:
    """Derived figures, groups and interactions overlap with what was sampled."""
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
    """Three lines of a name need more room than two."""
    assert row_height(["rank", "attention+mlp.down"]) < row_height(["rank", "a" * 40])


def test_without_permutations_there_is_no_band() -> None:
    """Importance may be measured with none."""
    tree = complete()
    for row in tree["analysis"]["methods"][0]["rows"]:
        row["null"] = None
    data = figure(tree, "importance-fanova")["data"]
    assert not [trace for trace in data if trace.get("fill")]
    assert len(data[-1]["x"]) == 8  # without chance to tell, no pair is left out
    assert not any("open" in symbol for symbol in data[-1]["marker"]["symbol"])


def test_methods_that_disagree_have_a_figure_each() -> None:
    """The point of showing more than one."""
    firsts = [
        figure(complete(), f"importance-{name}")["layout"]["yaxis"]["ticktext"][0]
        for name in ("fanova", "ped-anova")
    ]
    assert firsts == ["targets", "rank"]


def test_a_method_without_an_answer_says_why() -> None:
    """Its note is the reason."""
    tree = complete()
    tree["analysis"]["methods"][1] |= {"rows": [], "notes": ["Nothing to share out."]}
    [drawn] = [each for each in draw(tree) if each.key == "importance-ped-anova"]
    assert (drawn.figure, drawn.empty) == (None, "Nothing to share out.")


def test_effects_stand_beside_the_noise_floor_and_the_bound() -> None:
    """An effect is judged by both."""
    data = figure(complete(), "variance-components")["data"]
    assert [(min(xs), max(xs)) for xs in runs(data[0]["x"])] == [(0, 0.0213)] * 3
    [bound] = [trace for trace in data if trace.get("name") == "negligible below"]
    assert bound["x"] == [0.00353, 0.00353]
    assert data[-1]["marker"]["symbol"] == ["circle", "circle-open", "square-open"]


def test_a_share_at_the_null_is_chance() -> None:
    """Shares at or below it say nothing."""
    tree = complete()
    tree["analysis"]["methods"][0]["rows"] = [share("targets", 0.2113), share("rank", 0.2114)]
    dots = figure(tree, "importance-fanova")["data"][-1]
    assert dots["marker"]["symbol"] == ["circle-open", "circle"]
