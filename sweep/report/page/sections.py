"""Select and order values of the report tree for parts of the page, without computing any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.report.figures.figure import ReportFigure
from sweep.report.figures.text import slug
from sweep.report.page.pointer import JsonPointerNode, maybe, plain
from sweep.terminal.importance import is_chance, is_shown, row_key

MOST_TRIALS = 100
"""Largest number of rows of the trial table; a longer study shows its best trials."""

MOST_FAILURES = 50
"""Largest number of failures shown with tracebacks."""

MOST_ITEMS = 24
"""Largest number of entries shown of a list of the tree."""


@dataclass(frozen=True)
class Section:
    """Figures under one heading: those drawn, and those with nothing to draw."""

    name: str
    anchor: str
    figures: tuple[ReportFigure, ...]
    undrawn: tuple[ReportFigure, ...]


def sections(drawn: Sequence[ReportFigure]) -> list[Section]:
    """Figures grouped by section, in order of first appearance."""
    names = list(dict.fromkeys(figure.section for figure in drawn))
    return [
        Section(
            name,
            f"section-{slug(name) or 'section'}",
            tuple(f for f in drawn if f.section == name and f.figure is not None),
            tuple(f for f in drawn if f.section == name and f.figure is None),
        )
        for name in names
    ]


@dataclass(frozen=True)
class Trials:
    """The table of trials.

    Attributes:
        rows: the trials, best first, then those without a value.
        numeric: parameter name to whether its column is numeric.
        extra: keys of optional columns that are not empty.
    """

    rows: tuple[JsonPointerNode, ...]
    factors: tuple[str, ...]
    numeric: Mapping[str, bool]
    extra: tuple[str, ...]


def trials(tree: JsonPointerNode) -> Trials:
    """The table of trials: best first, then those without a value, up to ``MOST_TRIALS``."""
    by_number = {plain(trial["number"]): trial for trial in tree["trials"]}
    ranked = [plain(number) for number in tree["ranking"]]
    have = set(ranked)
    rest = [number for number in by_number if number not in have]
    rows = tuple(by_number[number] for number in [*ranked, *rest][:MOST_TRIALS])
    known = [plain(factor["name"]) for factor in tree["factors"]]
    seen = [name for row in rows for name in plain(row["shown"])]
    values: dict[str, list[Any]] = {}
    for row in rows:
        for name, value in plain(row["params"]).items():
            values.setdefault(name, []).append(value)
    columns = ("train_value", "gap", "phase", "replicate", "seed", "size", "seconds")
    return Trials(
        rows=rows,
        factors=tuple(name for name in dict.fromkeys([*known, *seen]) if name in seen),
        numeric={
            name: all(isinstance(value, int | float) for value in values.get(name, [""]))
            for name in seen
        },
        extra=tuple(
            key for key in columns if any(plain(row[key]) not in (None, 0) for row in rows)
        ),
    )


def told(verdict: JsonPointerNode) -> list[JsonPointerNode]:
    """Effects shown in the table: parameters, groups, and interactions with p below 0.05."""
    pairs = [pair for pair in verdict["interactions"] if plain(pair["p_value"]) < 0.05]
    return [*verdict["parameters"], *verdict["groups"], *pairs]


def spoken(verdict: JsonPointerNode) -> list[JsonPointerNode]:
    """Effects described in text: those named by the claim, or the largest without a claim."""
    effects = [*verdict["parameters"], *verdict["groups"]]
    if not verdict["claim"]:
        return effects[:1]
    claim = verdict["claim"]
    parts = [claim["dominant"], *claim["over"]]
    named = ["+".join(p) if isinstance(p, list) else p for p in map(plain, parts)]
    found = [
        effect for name in dict.fromkeys(named) for effect in effects if effect["name"] == name
    ]
    members = [effect for effect in verdict["groups"] if effect not in found]
    return [*found, *(m for m in members if set(named) & set(plain(m["of"])))]


def noise(tree: JsonPointerNode) -> JsonPointerNode | None:
    """Noise between seeds of one configuration; None if unknown."""
    analysis = tree["analysis"]
    claims = list(analysis["claims"]) if analysis else []
    known = [
        claim["seed_noise"] for claim in claims if plain(claim["seed_noise"]["sd"]) is not None
    ]
    return known[0] if known else None


def methods(analysis: JsonPointerNode) -> list[JsonPointerNode]:
    """The importance tables that have rows."""
    return [method for method in analysis["methods"] if method["rows"]]


def importance_rows(
    analysis: JsonPointerNode,
) -> list[tuple[JsonPointerNode, list[JsonPointerNode | None]]]:
    """Rows of the importance table: any record of the parameter, and its record per method."""
    tables = [
        {row_key(plain(row)): row for row in method["rows"] if is_shown(plain(row))}
        for method in methods(analysis)
    ]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    order = ("sampled", "derived", "group", "interaction", "interactions")
    keys.sort(key=lambda key: order.index(key[1]))
    found = [[table.get(key) for table in tables] for key in keys]
    return [(next(row for row in records if row), records) for records in found]


def cautions(analysis: JsonPointerNode) -> list[JsonPointerNode]:
    """Distinct notes of the importance methods, the modules and the analysis."""
    notes = [note for method in analysis["methods"] for note in method["notes"]]
    modules = analysis["modules"]
    notes += list(modules["notes"]) if modules else []
    notes += list(maybe(analysis, "notes"))
    return list({plain(note): note for note in notes}.values())


def above_chance(row: JsonPointerNode) -> bool:
    """Whether a share exceeds its null quantile; True if that is unknown."""
    return not is_chance(plain(row))
