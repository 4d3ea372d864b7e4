"""From the outcomes of rounds to figures: trials per hour, and ratios to ours."""

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
"""What is measured of a trial."""


def summary(rounds: Mapping[str, Sequence[Sequence[Outcome]]], workers: int) -> dict[str, Any]:
    """Figures of each variant, its ratios to ours, and what share of a core a process had.

    Args:
        rounds: by variant, the outcomes of each round.
        workers: trials at a time; trials per hour is for that many, none of them ever idle.
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
    """The ratio of the sums, and the least and the greatest of the rounds'."""
    pairs = [
        (sum(map(get, their_round)), sum(map(get, our_round)))
        for their_round, our_round in zip(theirs, ours, strict=True)
    ]
    each = [their / our for their, our in pairs]
    whole = sum(their for their, _ in pairs) / sum(our for _, our in pairs)
    return {"ratio": round(whole, 2), "min": round(min(each), 2), "max": round(max(each), 2)}


def settled(variants: Mapping[str, Any], trials: int, workers: int) -> dict[str, float]:
    """Seconds of each variant over ours, of the trials that found ours' workers at work.

    That is a sweep of many trials: a start per worker, which they have had, is nothing in it,
    and a start per trial, which the rivals have, stays.

    Args:
        variants: of ``summary``, with the seconds of each trial, time after time.
        trials: how many there were each time.
        workers: how many ran at once, the first of each time with the workers' start.

    Returns:
        By variant; nothing if no trial came after the first of each worker.
    """
    sums = {
        name: sum(s for i, s in enumerate(found["seconds"]) if i % trials >= workers)
        for name, found in variants.items()
    }
    if not sums[OURS]:
        return {}
    return {name: round(seconds / sums[OURS], 2) for name, seconds in sums.items()}


def machine() -> dict[str, Any]:
    """What it ran on, and when."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def cpu_name() -> str:
    """The processor as the system calls it."""
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
    """Of what computes."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
