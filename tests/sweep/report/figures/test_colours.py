"""Colours have contrast in both themes, and are consistent over all figures."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from report_trees import complete, made_of, trial

from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.kinds import draw
from sweep.report.figures.theme import COLOURS, NEUTRAL, STATES, SYMBOLS, look

SIMULATED = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""Matrices of Machado et al. 2009, severity 1, for linear RGB."""


def linear(colour: str) -> list[float]:
    """Linear RGB of a hexadecimal colour."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio."""
    bright = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (linear(one), linear(other))]
    return (max(bright) + 0.05) / (min(bright) + 0.05)


def oklab(rgb: list[float]) -> list[float]:
    """OKLab of linear RGB (Ottosson 2020)."""
    r, g, b = (min(1.0, max(0.0, c)) for c in rgb)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    medium = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return [
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    ]


@pytest.mark.parametrize("colour", sorted({*COLOURS, NEUTRAL, *STATES.values()}))
@pytest.mark.parametrize("ground", ["#ffffff", "#16181d"])
def test_marks_have_contrast_on_both_backgrounds(colour: str, ground: str) -> None:
    """WCAG 2.2 requires 3:1 for graphical objects (1.4.11)."""
    assert contrast(colour, ground) >= 3.0


@pytest.mark.parametrize("eye", SIMULATED)
def test_colours_differ_with_colour_blindness(eye: str) -> None:
    """For protanopia, deuteranopia and tritanopia too."""

    def seen(colour: str) -> list[float]:
        rgb = linear(colour)
        return oklab([sum(m * c for m, c in zip(row, rgb, strict=True)) for row in SIMULATED[eye]])

    for one, other in itertools.combinations(COLOURS, 2):
        apart = sum((a - b) ** 2 for a, b in zip(seen(one), seen(other), strict=True)) ** 0.5
        # In OKLab 0.02 is a just noticeable difference, side by side.
        assert apart > 0.08, (one, other)


def test_more_levels_than_colours_differ_by_symbol() -> None:
    """Level 7 has the colour of level 1, and another symbol."""
    looks = {look(i) for i in range(len(COLOURS) * len(SYMBOLS))}
    assert len(looks) == len(COLOURS) * len(SYMBOLS)
    assert look(0).colour == look(len(COLOURS)).colour
    assert look(0).symbol != look(len(COLOURS)).symbol


def by_level(found: list[ReportFigure], labels: set[str]) -> dict[str, set[str]]:
    """Colours of all traces with a level's name."""
    colours: dict[str, set[str]] = {}
    for each in found:
        for trace in (each.figure or {"data": []})["data"]:
            if trace.get("name") in labels:
                marks = trace.get("line") or trace["marker"]
                colours.setdefault(trace["name"], set()).add(marks["color"])
    return colours


def test_a_target_set_has_one_colour_everywhere() -> None:
    """In all figures."""
    tree = complete()
    labels = {level["label"] for level in tree["factors"][0]["levels"]}
    colours = by_level(draw(tree), labels)
    assert set(colours) == labels
    assert all(len(each) == 1 for each in colours.values())
    assert len(set.union(*colours.values())) == len(labels)


def test_a_parameter_has_one_colour_in_every_method() -> None:
    """Independent of the order of parameters in a method."""
    found: dict[str, set[str]] = {}
    for each in draw(complete()):
        if each.key.startswith(("importance", "variance")) and each.figure:
            dots = each.figure["data"][-1]
            names = each.figure["layout"]["yaxis"]["ticktext"]
            for name, colour in zip(names, dots["marker"]["color"], strict=True):
                found.setdefault(name.replace("<br>", ""), set()).add(colour)
    parameters = ["targets", "rank", "learning_rate"]
    assert [len(found[name]) for name in parameters] == [1, 1, 1]
    assert len(set.union(*(found[name] for name in parameters))) == 3


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_trials_changes_nothing(seed: int) -> None:
    """A database may list trials in any order."""
    tree = complete()
    shuffled: dict[str, Any] = {**tree, "trials": list(tree["trials"])}
    random.Random(seed).shuffle(shuffled["trials"])
    assert shuffled["trials"] != tree["trials"]
    assert draw(shuffled) == draw(tree)


def test_colours_do_not_depend_on_the_trials() -> None:
    """A resumed study keeps its colours."""
    whole = [trial(n) for n in range(9)]
    factors = made_of(whole)["factors"]
    labels = {level["label"] for level in factors[0]["levels"]}
    colours = by_level(draw(made_of(whole, factors=factors)), labels)
    fewer = by_level(draw(made_of(whole[1:3], factors=factors)), labels)
    assert fewer
    assert all(colours[name] == found for name, found in fewer.items())
