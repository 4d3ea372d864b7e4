"""Every number that a figure draws or prints is in the report tree."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from report_trees import complete, made_of, trial

from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.kinds import draw

DATA_AXES = {
    "importance-fanova": "x",
    "importance-ped-anova": "x",
    "variance-components": "x",
    "modules": "x",
    "effect-targets": "x",  # vertical: rows, with trials spread within theirs
    "effect-rank": "y",  # horizontal: at the rank, with trials spread around it
    "effect-learning-rate": "xy",
    "heat-1-rank": "z",
    "size": "xy",
    "curves": "xy",
    "gap": "x",
    "precision-recall": "xy",
    "mcc-threshold": "xy",
    "calibration": "xy",
    "history": "xy",
    "parallel": "",  # positions on axes from 0 to 1: tested by their order
    "timeline": "y",  # horizontal: milliseconds from start to end, tested separately
}
"""The coordinates of each figure that are numbers of the tree; the others are positions."""

FROM_ZERO = {"what chance gives", "noise floor", "perfect"}
"""Areas that begin at 0, and the diagonal."""


def leaves(tree: Any) -> Iterator[Any]:
    """All values of a tree."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree


def numbers(tree: Any) -> set[float]:
    """All numbers of a tree."""
    return {
        float(leaf)
        for leaf in leaves(tree)
        if isinstance(leaf, (int, float)) and not isinstance(leaf, bool)
    }


def counts(tree: Any) -> set[float]:
    """Numbers of trials and the like that a caption may print."""
    trials = tree["trials"]
    valued = [t for t in trials if t["value"] is not None]
    curves = [t for t in trials if t["curve"]]
    timed = [t for t in trials if t["started"]]
    drawn_cells = [mean for cells in tree["cells"] for row in cells["mean"] for mean in row]
    some = [valued, curves, timed, drawn_cells, [m for m in drawn_cells if m is None]]
    some += [tree["best"]["threshold_curve"]["mcc"], tree["best"]["calibration"]["residues"]]
    of_kind = [[t for t in curves if t["kind"] == kind] for kind in {t["kind"] for t in trials}]
    lengths = {float(len(each)) for each in [*some, *of_kind]}
    hidden = 1.0  # of the pairs in the tree one is within chance
    return lengths | {float(len(trials) - len(valued)), float(len(trials) - len(timed)), hidden}


def coordinates(each: ReportFigure) -> Iterator[Any]:
    """The coordinates of a figure that must be numbers of the tree."""
    assert each.figure is not None
    for trace in each.figure["data"]:
        zero = trace.get("name") in FROM_ZERO
        for axis in DATA_AXES[each.key]:
            for value in leaves(trace.get(axis, [])):
                if value is not None and not (zero and value in (0, 1)):
                    yield value


@pytest.fixture(scope="module")
def tree() -> dict[str, Any]:
    """A tree with data for every figure."""
    return complete()


@pytest.fixture(scope="module")
def found(tree: dict[str, Any]) -> dict[str, ReportFigure]:
    """Its figures by key."""
    return {each.key: each for each in draw(tree)}


def test_coordinates_are_numbers_of_the_tree(
    tree: dict[str, Any], found: dict[str, ReportFigure]
) -> None:
    """To the last bit."""
    known = numbers(tree)
    assert set(found) == set(DATA_AXES)
    for key, each in found.items():
        drawn = list(coordinates(each))
        assert drawn or key == "parallel"
        assert [value for value in drawn if float(value) not in known] == [], key


STATED = ("99 of 100", "95 % intervals", "95 %", "hold 0", "1e-2")
"""Numbers of our own sentences."""

NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


def free_numbers(text: str, tree: dict[str, Any]) -> list[str]:
    """Numbers of a text that are not part of a name, a label or a note."""
    names = {str(leaf) for leaf in leaves(tree) if isinstance(leaf, str)}
    names |= {name for each in tree["trials"] for name in each["params"]}
    for name in sorted({*names, *STATED}, key=len, reverse=True):
        if len(name) > 1 and not name.isdigit():
            text = text.replace(name, " ")
    return NUMBER.findall(re.sub(r"<[^>]*>", " ", text))


def is_known(text: str, known: set[float]) -> bool:
    """Whether a number of the tree would be formatted like this."""
    value = float(text.replace(",", ""))
    mantissa, _, exponent = text.partition("e")
    digits = len(mantissa.partition(".")[2])
    half = 0.5000001 * 10.0 ** (-digits + int(exponent or 0))
    return any(abs(value - number) <= half * (digits > 0) or value == number for number in known)


def words(each: ReportFigure) -> Iterator[str]:
    """All texts of a figure: beside it, on its axes, in its labels."""
    yield from (each.title, each.caption, each.summary)
    assert each.figure is not None
    for trace in each.figure["data"]:
        rows = trace.get("customdata", [])
        yield from (leaf for leaf in leaves([rows, trace.get("text", [])]) if isinstance(leaf, str))
    for note in each.figure["layout"].get("annotations", ()):
        yield note["text"]


def test_numbers_in_text_are_those_of_the_tree(
    tree: dict[str, Any], found: dict[str, ReportFigure]
) -> None:
    """Rounded."""
    known = numbers(tree) | {100 * number for number in numbers(tree)} | counts(tree)
    for key, each in found.items():
        texts = [(text, number) for text in words(each) for number in free_numbers(text, tree)]
        assert [pair for pair in texts if not is_known(pair[1], known)] == [], key


def test_the_check_of_texts_finds_wrong_numbers() -> None:
    """So the test above can fail."""
    known = {0.45678, 12.0}
    assert is_known("0.4568", known)
    assert is_known("12", known)
    assert not is_known("0.4569", known)
    assert not is_known("13", known)
    assert free_numbers("trial 7 at 0.5 of 99 of 100", {"trials": []}) == ["7", "0.5"]


def test_hover_numbers_are_raw(tree: dict[str, Any], found: dict[str, ReportFigure]) -> None:
    """Data of hover labels are not computed."""
    known = numbers(tree)
    for each in found.values():
        assert each.figure is not None
        for trace in each.figure["data"]:
            assert numbers(trace.get("customdata", [])) <= known, each.key


def points(each: ReportFigure) -> Iterator[tuple[int, Any, Any]]:
    """Trial number and coordinates of each point of a trial."""
    assert each.figure is not None
    for trace in each.figure["data"]:
        rows = trace.get("customdata") or []
        for row, x, y in zip(rows, trace.get("x", []), trace.get("y", []), strict=False):
            if row and isinstance(row[0], int):
                yield row[0], x, y


def test_trials_are_spread_within_their_row(
    tree: dict[str, Any], found: dict[str, ReportFigure]
) -> None:
    """Each is nearest to its own level."""
    labels = [level["label"] for level in tree["factors"][0]["levels"]]
    at = {number: y for number, _, y in points(found["effect-targets"])}
    assert len(at) == 8
    for number, y in at.items():
        assert labels[round(y)] == tree["trials"][number]["shown"]["targets"]
        assert abs(y - round(y)) < 0.5


def test_trials_are_spread_around_their_rank(
    tree: dict[str, Any], found: dict[str, ReportFigure]
) -> None:
    """On a logarithmic axis too."""
    at = {number: x for number, x, _ in points(found["effect-rank"])}
    assert len(at) == 8
    for number, x in at.items():
        assert 2 ** round(math.log2(x)) == tree["trials"][number]["params"]["rank"]


def test_positions_of_parallel_lines_keep_the_order(
    tree: dict[str, Any], found: dict[str, ReportFigure]
) -> None:
    """They are not numbers of the tree, but have the same order."""
    on: dict[int, dict[int, float]] = {}
    for number, x, y in points(found["parallel"]):
        on.setdefault(y, {})[number] = x
    of = {
        0: {t["number"]: t["value"] for t in tree["trials"] if t["value"] is not None},
        2: {t["number"]: t["params"]["rank"] for t in tree["trials"]},
        3: {t["number"]: t["params"]["learning_rate"] for t in tree["trials"]},
    }
    for axis, raw in of.items():
        order = sorted(on[axis], key=lambda number: (raw[number], on[axis][number]))
        places = [on[axis][number] for number in order]
        assert places == sorted(places)
    assert [min(on[0].values()), max(on[0].values())] == [0.0, 1.0]
    for number, x in on[0].items():
        ends = min(of[0].values()), max(of[0].values())
        assert x == pytest.approx((of[0][number] - ends[0]) / (ends[1] - ends[0]))


def test_bars_of_the_timeline_extend_from_start_to_end(
    tree: dict[str, Any], found: dict[str, ReportFigure]
) -> None:
    """A running trial's bar ends when the report was made."""
    figure = found["timeline"].figure
    assert figure is not None
    times = {trace["name"]: trace for trace in figure["data"]}
    assert set(times) == {"complete", "pruned", "failed", "running"}
    begun = {t["started"] for t in tree["trials"]}
    for trace in times.values():
        assert set(trace["base"]) <= begun
    assert times["complete"]["x"] == [41_500.0] * 8
    # Trial 10 runs since 10:10:00.125; the report was made at 12:00.
    assert times["running"]["x"] == [110 * 60_000.0 - 125.0]


def test_a_bar_has_the_measured_duration() -> None:
    """A clock that is changed between start and end does not affect it."""
    start = "2026-03-01T10:00:00+00:00"
    day = "2026-03-02T10:00:00+00:00"
    ran = [
        trial(0, started=start, ended=day, seconds=2.5),
        trial(1, started=start, ended="2026-03-01T09:00:00+00:00", seconds=2.5),
        trial(2, started=start, ended=day, seconds=None),
    ]
    [figure] = [each.figure for each in draw(made_of(ran)) if each.key == "timeline"]
    assert figure is not None
    assert figure["data"][0]["x"] == [2500.0, 2500.0, 86_400_000.0]


def test_a_clock_set_back_gives_no_negative_bar() -> None:
    """And the report is written."""
    late = trial(
        0, seconds=None, started="2026-03-01T10:00:00+00:00", ended="2026-03-01T09:00:00+00:00"
    )
    [figure] = [each.figure for each in draw(made_of([late])) if each.key == "timeline"]
    assert figure is not None
    assert figure["data"][0]["x"] == [0.0]


def ends(tree: dict[str, Any], name: str) -> Sequence[tuple[float, float]]:
    """Intervals of a factor's levels."""
    [of] = [factor for factor in tree["factors"] if factor["name"] == name]
    return [(v["low"], v["high"]) for v in of["levels"] if v["low"] is not None]


@pytest.mark.parametrize(
    ("key", "name", "axis"), [("effect-targets", "targets", "x"), ("effect-rank", "rank", "y")]
)
def test_an_interval_is_drawn_at_its_mean(
    tree: dict[str, Any], found: dict[str, ReportFigure], key: str, name: str, axis: str
) -> None:
    """All intervals are drawn, each from its low to its high end."""
    figure = found[key].figure
    assert figure is not None
    bars = [t for t in figure["data"] if t["mode"] == "lines" and t["line"]["width"] == 3]
    flat = [value for trace in bars for value in trace[axis] if value is not None]
    assert list(zip(flat[::2], flat[1::2], strict=True)) == list(ends(tree, name))
