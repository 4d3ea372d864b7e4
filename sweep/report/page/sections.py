"""What single parts of the page need of the tree: picked and put in order, never computed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sweep.report.page.pointer import JsonPointerNode, maybe, plain

MOST_TRIALS = 100
"""Rows of the trial table; a longer study shows its best."""

MOST_FAILURES = 50
"""Failures told one by one, with tracebacks."""

MOST_ITEMS = 24
"""Entries of a list of the tree that are written out."""


class Figure(Protocol):
    """A figure as ``sweep.report.figures`` draws it."""

    @property
    def key(self) -> str:
        """Its name, which no other figure has."""
        ...

    @property
    def title(self) -> str:
        """What it shows."""
        ...

    @property
    def caption(self) -> str:
        """How to read it."""
        ...

    @property
    def figure(self) -> dict[str, Any] | None:
        """Plotly's ``data`` and ``layout``; None where there is nothing to draw."""
        ...

    @property
    def empty(self) -> str:
        """Why there is nothing to draw."""
        ...

    @property
    def summary(self) -> str:
        """What it shows, in words."""
        ...

    @property
    def section(self) -> str:
        """The heading under which it stands."""
        ...


@dataclass(frozen=True)
class Section:
    """Figures under one heading.

    Attributes:
        name: the heading.
        anchor: its name in the page.
        figures: those that are drawn, in order.
        undrawn: those for which there is nothing to draw, in order.
    """

    name: str
    anchor: str
    figures: tuple[Figure, ...]
    undrawn: tuple[Figure, ...]


def sections(drawn: Sequence[Figure]) -> list[Section]:
    """The figures by heading, both in the order in which they first appear."""
    names = list(dict.fromkeys(figure.section for figure in drawn))
    return [
        Section(
            name,
            f"section-{slug(name)}",
            tuple(f for f in drawn if f.section == name and f.figure is not None),
            tuple(f for f in drawn if f.section == name and f.figure is None),
        )
        for name in names
    ]


def slug(name: str) -> str:
    """A name as an anchor."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "section"


@dataclass(frozen=True)
class Trials:
    """The table of trials.

    Attributes:
        rows: the trials, best first; those without a value after them.
        factors: names of the parameters.
        numeric: whether a parameter's column is of numbers.
        extra: keys of further columns that hold something.
    """

    rows: tuple[JsonPointerNode, ...]
    factors: tuple[str, ...]
    numeric: Mapping[str, bool]
    extra: tuple[str, ...]


def trials(tree: JsonPointerNode) -> Trials:
    """The best trials, and where they do not fill the table the others by number."""
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
    """Effects worth a row: parameters, groups, and pairs that noise does not explain."""
    pairs = [pair for pair in verdict["interactions"] if plain(pair["p_value"]) < 0.05]
    return [*verdict["parameters"], *verdict["groups"], *pairs]


def spoken(verdict: JsonPointerNode) -> list[JsonPointerNode]:
    """Effects worth a sentence: of what the claim names; without a claim the largest."""
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
    """What runs of one configuration differ by; None where nobody knows."""
    analysis = tree["analysis"]
    claims = list(analysis["claims"]) if analysis else []
    known = [
        claim["seed_noise"] for claim in claims if plain(claim["seed_noise"]["sd"]) is not None
    ]
    return known[0] if known else None


def methods(analysis: JsonPointerNode) -> list[JsonPointerNode]:
    """The tables of importance that have rows."""
    return [method for method in analysis["methods"] if method["rows"]]


def importance_rows(
    analysis: JsonPointerNode,
) -> list[tuple[JsonPointerNode, list[JsonPointerNode | None]]]:
    """A row per parameter in the first method's order: a record of it, and one by method."""
    tables = [
        {_row_key(row): row for row in method["rows"] if _worth(row)}
        for method in methods(analysis)
    ]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    order = ("sampled", "derived", "group", "interaction", "interactions")
    keys.sort(key=lambda key: order.index(key[1]))
    found = [[table.get(key) for table in tables] for key in keys]
    return [(next(row for row in records if row), records) for records in found]


def cautions(analysis: JsonPointerNode) -> list[JsonPointerNode]:
    """Each note of the methods, of the matrices and of the whole, once."""
    notes = [note for method in analysis["methods"] for note in method["notes"]]
    modules = analysis["modules"]
    notes += list(modules["notes"]) if modules else []
    notes += list(maybe(analysis, "notes"))
    return list({plain(note): note for note in notes}.values())


def above_chance(row: JsonPointerNode) -> bool:
    """Whether a share is more than chance gives, as far as that is known."""
    null = plain(row["null"])
    return null is None or bool(plain(row["share"]) > null)


def _row_key(row: JsonPointerNode) -> tuple[str, str, tuple[str, ...]]:
    return plain(row["name"]), plain(row["role"]), tuple(plain(row["of"]))


def _worth(row: JsonPointerNode) -> bool:
    """Whether a row is worth a line: of the pairs only those that chance does not explain."""
    return row["role"] != "interaction" or above_chance(row)
