"""From the JSON object of ``trials_per_hour`` to the page that is committed.

python -m benchmarks.packed.table FIGURES.json
"""

from __future__ import annotations

import argparse
import json
import math
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.packed.figures import MEASURES
from benchmarks.packed.variants import OURS, VARIANTS

RESULTS = Path(__file__).parents[1] / "results"

_WORDS = (
    "Seconds per trial: from the request to the answer. The rivals start a process for each trial; "
    "ours starts one per core and keeps it, so that its share of the start shrinks with more "
    "trials. In a sweep: the same ratio of the trials for which ours' processes had started, as "
    "all but the first few of a sweep do. Marginal: training and evaluation alone, in both; our "
    "marginal CPU seconds also hold the loading of the base in each worker's first trial. Trials "
    "per hour: with all cores busy. A ratio is the variant's sum over ours; in brackets the least "
    "and the greatest of the rounds. CPU seconds are steadier than the clock where the machine has "
    "other work."
)


def page(figures: dict[str, Any]) -> str:
    """The page as Markdown."""
    title = f"# Trials per hour on a CPU, {figures['date']}"
    blocks = [[title], _about(figures), list(rows(figures)), textwrap.wrap(_WORDS, 100)]
    blocks += [list(_trials(figures)), [f"- `{n}`: {VARIANTS[n].says}." for n in _names(figures)]]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def rows(figures: dict[str, Any]) -> Iterator[str]:
    """The table of variants."""
    sides = ("trials/h", "marginal", "s per trial", "marginal", "CPU s", "marginal")
    ratios = ("in a sweep", "ratio", "marginal", "CPU", "marginal CPU")
    yield from _head("variant", *sides, *ratios, "steps", "mean MCC")
    for name in _names(figures):
        found = figures["variants"][name]
        against = figures["ratios"].get(name, {})
        numbers = [found["per_hour"], found["per_hour_marginal"]]
        numbers += [found[f"mean_{key}"] for key in MEASURES]
        shown = [f"{number:.1f}" for number in numbers]
        sweep = figures["settled"].get(name, math.nan)
        shown.append("-" if math.isnan(sweep) else f"{sweep:.2f}")  # too few trials
        shown += [_ratio(against.get(key)) for key in MEASURES]
        steps = sorted(set(found["steps"]))
        shown.append("-".join(str(step) for step in dict.fromkeys((steps[0], steps[-1]))))
        shown.append(f"{sum(found['mcc']) / len(found['mcc']):.3f}")
        yield f"| {' | '.join([name, *shown])} |"


def _names(figures: dict[str, Any]) -> list[str]:
    """Lorasweep first, then the other variants in the given order."""
    return [OURS, *(name for name in figures["variants"] if name != OURS)]


def _head(*cells: str) -> Iterator[str]:
    yield f"| {' | '.join(cells)} |"
    yield "|" + "---|" * len(cells)


def _ratio(found: dict[str, float] | None) -> str:
    if found is None:
        return "1"
    return f"{found['ratio']:.2f} ({found['min']:.2f} to {found['max']:.2f})"


def _about(figures: dict[str, Any]) -> list[str]:
    work = figures["work"]
    versions = ", ".join(f"{name} {text}" for name, text in figures["versions"].items())
    text = (
        f"`make bench-packed`: {len(figures['trials'])} trials, {figures['repeats']} time(s), "
        f"{figures['workers']} at a time on {figures['cores']} cores, one thread each; "
        f"{figures['cpu']}, {figures['system']}, load {figures['load_before']} before; a process "
        f"had {figures['share_of_core']:.0%} of a core (far below 100 %: it shared the machine). "
        f"{work['base']} ({work['layers']} layers, {work['hidden_size']} wide) in NF4 on "
        f"{work['data']}: {work['train_windows']} windows of {work['train_tokens']} tokens in all "
        f"(longest {work['longest_window']}) to train on, {work['validation_windows']} of "
        f"{work['validation_tokens']} scored after each of {work['epochs']} epochs. Batches: "
        f"{work['batch_chains']} chains, ours {work['batch_tokens']} tokens; `auto` here: "
        f"{work['compute_dtype']}. {versions}."
    )
    return textwrap.wrap(text, 100)


def _trials(figures: dict[str, Any]) -> Iterator[str]:
    """The trials' parameters, and the MCC of each variant in the first repeat."""
    names = _names(figures)
    parameters = list(figures["trials"][0])
    yield from _head(*parameters, *(f"MCC {name}" for name in names))
    for number, values in enumerate(figures["trials"]):
        found = [f"{figures['variants'][name]['mcc'][number]:.3f}" for name in names]
        yield f"| {' | '.join([*map(str, values.values()), *found])} |"


def main() -> None:
    """Read the command line and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", type=Path, help="a file whose last line is the JSON object")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/packed-DATE.md")
    args = parser.parse_args()
    figures = json.loads(args.figures.read_text(encoding="utf-8").splitlines()[-1])
    out = args.out or RESULTS / f"packed-{figures['date']}.md"
    out.write_text(page(figures), encoding="utf-8")
    print(out)


if __name__ == "__main__":
    main()
