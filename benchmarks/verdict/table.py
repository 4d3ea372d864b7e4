"""Write the committed table from the records of a campaign.

python -m benchmarks.verdict.table --records runs/verdict-campaign
"""

from __future__ import annotations

import argparse
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.verdict import records
from benchmarks.verdict.campaign import FOLDER
from benchmarks.verdict.figures import (
    Rate,
    conditional,
    coverage,
    guarded,
    part,
    verdicts,
    vetoed,
)
from benchmarks.verdict.prototype import beside
from benchmarks.verdict.required import COVERED, COVERED_NAMES, Cells, required_rows
from benchmarks.verdict.scenarios import SCENARIOS

RESULTS = Path(__file__).parents[1] / "results"
_WORDS = (
    "A star: CONFIRMED is false there. In brackets: 95 % intervals of Clopper and Pearson.",
    "Guarded: no verdict was possible. Vetoed: a cross-check took a confirmation back; no figure",
    "if none was made. Dominance is over rank and scaling; in the prototype simulation it was over",
    "the learning rate too.",
)


def page(folder: Path, date: str) -> str:
    """The whole page.

    Raises:
        SystemExit: if there are no records, or they were made by different code or settings.
    """
    first, cells, errors = _read(folder)
    title = [f"# How often the verdict is right, {date}", "", *_made_by(first, cells), ""]
    if errors:
        title += [f"The judge raised in {sum(errors.values())} studies: {errors}.", ""]
    known = {key: rows for key, rows in cells.items() if SCENARIOS[key[0]].known}
    blocks = [
        ("## Required, and measured", required_rows(cells, known)),
        ("## Verdicts, % of studies", _verdict_rows(cells)),
        ("## Coverage of 95 % intervals, %, where the truth is above 0", _covered(known, 0)),
        ("## The same where the truth is 0", _covered(known, 1)),
        ("## Scenarios", _scenario_rows({name for name, _ in cells})),
    ]
    text = [line for head, rows in blocks for line in (head, "", *_markdown(rows), "")]
    return "\n".join([*title, *text, *_WORDS, f"Code {first['code']}.", ""])


def _read(folder: Path) -> tuple[dict[str, Any], Cells, dict[str, int]]:
    firsts, cells, errors = [], {}, defaultdict[str, int](int)
    for first, rows in records.read(folder):
        firsts.append(first)
        cell = first["cell"]
        cells[cell["scenario"], cell["n"]] = [row for row in rows if "verdict" in row]
        for row in rows:
            if "error" in row:
                errors[f"{cell['scenario']}-{cell['n']}: {row['error']}"] += 1
    made = {(first["code"], first["cell"]["draws"], first["cell"]["seed"]) for first in firsts}
    if len(made) != 1 or not any(cells.values()):
        raise SystemExit(f"{folder}: no verdicts, or from {len(made)} kinds of code or settings")
    order = list(SCENARIOS)
    ordered = sorted(cells.items(), key=lambda item: (order.index(item[0][0]), item[0][1]))
    return firsts[0], {key: rows for key, rows in ordered if rows}, dict(errors)


def _made_by(first: dict[str, Any], cells: Cells) -> list[str]:
    counts, cell = [len(rows) for rows in cells.values()], first["cell"]
    span = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    seconds = sum(row["seconds"] for rows in cells.values() for row in rows)
    versions = ", ".join(f"{name} {text}" for name, text in first["versions"].items())
    words = (
        "`make bench-verdict`: simulated studies whose right answer is known, all judged by the "
        "same claim, that target sets dominate rank and scaling, which are negligible (delta .01, "
        f"kappa 2). {sum(counts)} studies, {span} a cell; {cell['draws']} draws, "
        f"seed {cell['seed']}; {seconds / sum(counts):.2f} s a study. {versions}."
    )
    return textwrap.wrap(words, 100)


def _verdict_rows(cells: Cells) -> Iterator[list[str]]:
    ends = ("dominance", "at best rate", "negligible", "beyond size", "prototype simulation")
    starts = ("scenario", "n", "CONFIRMED", "REFUTED", "INCONCLUSIVE")
    yield [*starts, "at fixed only", "guarded", "vetoed", *ends]
    for (name, n), rows in cells.items():
        answer = SCENARIOS[name].answer
        rates = {each: verdicts(rows, each) for each in ("CONFIRMED", "REFUTED")}
        parts = [
            part(rows, "dominance", "averaged"),
            part(rows, "dominance", "optimised"),
            part(rows, "negligible", "averaged"),
            part(rows, "beyond size", "averaged"),
        ]
        yield [
            f"{name}{'*' if SCENARIOS[name].null_like else ''}",
            str(n),
            rates["CONFIRMED"].with_interval if answer != "CONFIRMED" else str(rates["CONFIRMED"]),
            rates["REFUTED"].with_interval if answer == "CONFIRMED" else str(rates["REFUTED"]),
            *map(str, (verdicts(rows, "INCONCLUSIVE"), conditional(rows), guarded(rows))),
            *map(str, (vetoed(rows), *parts)),
            beside(name, n),
        ]


def _covered(cells: Cells, which: int) -> Iterator[list[str]]:
    yield ["scenario", "n", *COVERED_NAMES]
    pooled = [Rate(0, 0)] * len(COVERED)
    for (name, n), rows in cells.items():
        rates = [coverage(rows, *what)[which] for what in COVERED]
        pooled = [one + other for one, other in zip(pooled, rates, strict=True)]
        if any(rate.n for rate in rates):
            yield [name, str(n), *map(str, rates)]
    yield ["all", "", *(rate.with_interval for rate in pooled)]


def _scenario_rows(names: set[str]) -> Iterator[list[str]]:
    yield ["scenario", "what holds", "right", "sigma targets", "rank", "scaling", "learning rate"]
    for name, scenario in SCENARIOS.items():
        if name in names:
            totals = [scenario.truth.total.get(axis, 0.0) for axis in ("rank", "scaling")]
            totals.append(scenario.truth.total.get("learning_rate", 0.0))
            sizes = [f"{value:.4f}" for value in (scenario.truth.main["targets"], *totals)]
            yield [name, scenario.says, scenario.answer, *sizes]


def _markdown(rows: Iterator[list[str]]) -> Iterator[str]:
    head = next(rows)
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def main() -> None:
    """Read the command line and write."""
    today = datetime.now(UTC).date().isoformat()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=Path, default=FOLDER)
    parser.add_argument("--date", default=today)
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/verdict-DATE.md")
    args = parser.parse_args()
    out = args.out or RESULTS / f"verdict-{args.date}.md"
    out.write_text(page(args.records, args.date), encoding="utf-8")
    print(out)


if __name__ == "__main__":
    main()
