"""Figures from measured outcomes: trials per hour, and ratios to lorasweep."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.packed.sides import Outcome
from benchmarks.packed.variants import OURS

_PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "lorasweep")
MEASURES: Mapping[str, Callable[[Outcome], float]] = {
    "seconds": lambda outcome: outcome.seconds,
    "marginal": lambda outcome: outcome.marginal,
    "cpu": lambda outcome: outcome.cpu,
    "marginal_cpu": lambda outcome: outcome.marginal_cpu,
}
"""The measures of a trial."""


def summary(rounds: Mapping[str, Sequence[Sequence[Outcome]]], workers: int) -> dict[str, Any]:
    """Figures of each variant, its ratios to lorasweep, and the mean share of a core per process.

    Args:
        rounds: by variant, the outcomes of each round.
        workers: trials at a time; trials per hour assumes that all workers are always busy.
    """
    variants: dict[str, Any] = {}
    for name, done in rounds.items():
        outcomes = [outcome for each in done for outcome in each]
        figures: dict[str, Any] = {
            key: [round(get(outcome), 2) for outcome in outcomes] for key, get in MEASURES.items()
        }
        for key, get in MEASURES.items():
            figures[f"mean_{key}"] = round(sum(map(get, outcomes)) / len(outcomes), 2)
        hourly = 3600 * workers * len(outcomes)
        figures["per_hour"] = round(hourly / sum(o.seconds for o in outcomes), 1)
        figures["per_hour_marginal"] = round(hourly / sum(o.marginal for o in outcomes), 1)
        figures["mcc"] = [round(outcome.mcc, 4) for outcome in outcomes]
        figures["steps"] = [outcome.steps for outcome in outcomes]
        variants[name] = figures
    ratios = {
        name: {key: _ratio(done, rounds[OURS], get) for key, get in MEASURES.items()}
        for name, done in rounds.items()
        if name != OURS
    }
    every = [outcome for done in rounds.values() for each in done for outcome in each]
    core = sum(outcome.cpu for outcome in every) / sum(outcome.seconds for outcome in every)
    return {"variants": variants, "ratios": ratios, "share_of_core": round(core, 2)}


def _ratio(
    theirs: Sequence[Sequence[Outcome]],
    ours: Sequence[Sequence[Outcome]],
    get: Callable[[Outcome], float],
) -> dict[str, float]:
    """The ratio of the sums over all rounds, and the smallest and largest ratio of a round."""
    pairs = [
        (sum(map(get, their_round)), sum(map(get, our_round)))
        for their_round, our_round in zip(theirs, ours, strict=True)
    ]
    each = [their / our for their, our in pairs]
    whole = sum(their for their, _ in pairs) / sum(our for _, our in pairs)
    return {"ratio": round(whole, 2), "min": round(min(each), 2), "max": round(max(each), 2)}


def settled(variants: Mapping[str, Any], trials: int, workers: int) -> dict[str, float]:
    """Each variant's seconds over lorasweep's, for trials after its workers have started.

    This is the ratio in a long sweep: the start of each worker, which lorasweep has once, becomes
    negligible; the start of a process per trial, as Trainer has it, remains.

    Args:
        variants: of ``summary``, with the seconds of each trial of all repeats.
        trials: number of trials per repeat.
        workers: number of workers; the first trial of each includes its start.

    Returns:
        The ratio by variant; empty if no worker ran a second trial.
    """
    sums = {
        name: sum(s for i, s in enumerate(found["seconds"]) if i % trials >= workers)
        for name, found in variants.items()
    }
    if not sums[OURS]:
        return {}
    return {name: round(seconds / sums[OURS], 2) for name, seconds in sums.items()}


def machine() -> dict[str, Any]:
    """The machine and the date."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def cpu_name() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    found = {name.strip(): text.strip() for name, text in known.items()}
    numbers = ("cpu family", "model")
    about = ", ".join(f"{name} {found[name]}" for name in numbers if name in found)
    return f"{found.get('model name', platform.processor())} ({about})"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that compute."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
