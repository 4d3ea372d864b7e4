"""The required error rates, power and coverage of the verdict, beside those measured."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.verdict.figures import Rate, Record, coverage, verdicts
from benchmarks.verdict.scenarios import SCENARIOS

Cells = dict[tuple[str, int], list[Record]]
"""Records by scenario and number of trials."""

COVERED = (
    ("main", "targets"),
    ("total", "rank"),
    ("total", "scaling"),
    ("total", "rank+scaling"),
    ("total", "learning_rate"),
)
COVERED_NAMES = ("targets, main", *(f"{name}, total" for _, name in COVERED[1:]))
"""The parameters and groups whose intervals are counted."""

_POWER = {("A", 162): 60, ("A", 240): 85, ("COL", 162): 50, ("T3A", 162): 50}
"""The least share of confirmations, in percent."""


def required_rows(cells: Cells, known: Cells) -> Iterator[list[str]]:
    """The table of requirements, header row first.

    Args:
        cells: all of them.
        known: those whose true effects the intervals should cover.
    """
    yield ["what", "required", "measured"]
    wrong = {key: verdicts(rows, "CONFIRMED") for key, rows in cells.items() if _null(key)}
    if wrong:
        worst = max(wrong, key=lambda key: wrong[key].share)
        said = f"{wrong[worst].with_interval} in {worst[0]}, n = {worst[1]}"
        yield ["false CONFIRMED in the worst cell, %", "1 or less", said]
        yield [
            "false CONFIRMED, all such cells, %",
            "",
            sum(wrong.values(), Rate(0, 0)).with_interval,
        ]
    for key, least in _POWER.items():
        if key in cells:
            rate = verdicts(cells[key], "CONFIRMED").with_interval
            yield [f"CONFIRMED in {key[0]}, n = {key[1]}, %", f"{least} or more", rate]
    for what, head in zip(COVERED, COVERED_NAMES, strict=True):
        held = sum((coverage(rows, *what)[0] for rows in known.values()), Rate(0, 0))
        yield [f"coverage, {head}, truth above 0, %", "93 to 97", held.with_interval]


def _null(key: tuple[str, int]) -> bool:
    return SCENARIOS[key[0]].null_like
