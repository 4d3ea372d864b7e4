"""The rules of a study spec, each with the sentence said when it is broken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sweep.errors import fault

if TYPE_CHECKING:
    from sweep.spec import StudySpec

SAMPLERS = ("tpe", "random", "qmc", "gp", "grid")
PRUNERS = ("none", "median", "halving", "hyperband")
KEEP = ("best", "all", "none")
RETRY = re.compile(r"retry\((\d{1,3})\)")
_DOTTED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def spec_faults(spec: StudySpec) -> list[str]:
    """Every broken rule of a spec, in words; empty when it is usable."""
    return [
        *_name_faults(spec),
        *spec.space.faults(),
        *_method_faults(spec),
        *_budget_faults(spec),
        *_policy_faults(spec),
        *_seed_faults(spec),
        *_mapping_faults(spec),
    ]


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> Iterator[str]:
    if value not in allowed:
        yield fault(name, f"be one of {', '.join(allowed)}", value)


def _name_faults(spec: StudySpec) -> Iterator[str]:
    if not isinstance(spec.name, str) or not spec.name.strip():
        yield fault("name", "be a non-empty string", spec.name)
    elif not spec.name.isprintable() or spec.name != spec.name.strip():
        yield fault("name", "be one printable line without blanks at its ends", spec.name)
    if not isinstance(spec.objective, str) or not _DOTTED.fullmatch(spec.objective):
        yield fault("objective", "be written 'package.module:Name'", spec.objective)


def _method_faults(spec: StudySpec) -> Iterator[str]:
    yield from _one_of("direction", spec.direction, ("maximize", "minimize"))
    yield from _one_of("sampler.name", spec.sampler.name, SAMPLERS)
    yield from _one_of("pruner.name", spec.pruner.name, PRUNERS)
    if not _is_count(spec.sampler.seed):
        yield fault("sampler.seed", "be a whole number of 0 or more", spec.sampler.seed)
    if spec.sampler.name == "grid" and not spec.space.faults() and spec.space.size() is None:
        yield fault(
            "sampler.name",
            "not be 'grid' for a space with real-valued or very wide parameters",
            spec.sampler.name,
            way_out="Use Choice for each parameter, or the 'qmc' sampler",
        )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def _budget_faults(spec: StudySpec) -> Iterator[str]:
    trials, seconds = spec.budget.trials, spec.budget.seconds
    if not _is_count(trials) or trials < 1:
        yield fault("budget.trials", "be a whole number of 1 or more", trials)
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if seconds is not None and not (number and seconds > 0):
        yield fault("budget.seconds", "be above 0, or None", seconds)


def _policy_faults(spec: StudySpec) -> Iterator[str]:
    policy = spec.policy
    chosen = policy.on_failure
    if chosen not in ("continue", "stop") and not (
        isinstance(chosen, str) and RETRY.fullmatch(chosen)
    ):
        yield fault("policy.on_failure", "be 'continue', 'stop' or 'retry(k)'", chosen)
    if not _is_count(policy.max_retries):
        yield fault("policy.max_retries", "be a whole number of 0 or more", policy.max_retries)
    yield from _one_of("policy.keep", policy.keep, KEEP)


def _seed_faults(spec: StudySpec) -> Iterator[str]:
    seeds = spec.seeds
    if not isinstance(seeds, tuple) or not seeds or not all(map(_is_count, seeds)):
        yield fault("seeds", "be one or more whole numbers of 0 or more", seeds)
    elif len(set(seeds)) < len(seeds):
        yield fault("seeds", "differ from each other", seeds)


def _mapping_faults(spec: StudySpec) -> Iterator[str]:
    for name, tree in (("settings", spec.settings), ("inputs", spec.inputs)):
        if not isinstance(tree, Mapping) or not all(isinstance(key, str) for key in tree):
            yield fault(name, "map names to values", tree)
            continue
        for key, value in tree.items():
            if name == "inputs" and not isinstance(value, str):
                yield fault(f"inputs.{key}", "be a path or a name", value)
            elif not _survives_json(value):
                yield fault(f"{name}.{key}", "be a JSON value", value)
    names = [baseline.name for baseline in spec.baselines]
    if len(set(names)) < len(names):
        yield fault("baselines", "have different names", names)
    for clash in sorted(set(spec.settings) & set(spec.space.params)):
        yield fault(
            f"settings.{clash}",
            "not be fixed and sampled at once",
            spec.settings[clash],
            way_out="Remove it from settings or from space",
        )


def _survives_json(value: object) -> bool:
    """Whether storing and loading gives the value back (tuples, NaN and objects do not)."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError):
        return False
