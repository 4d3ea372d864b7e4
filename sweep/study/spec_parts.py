"""The rules of a study spec, each with the sentence said when it is broken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweep.errors import fault
from sweep.study.claim import COUPLED, Claim, Part, as_group
from sweep.study.design import Design, Pilot
from sweep.study.native import make_native
from sweep.study.parameters import is_number
from sweep.study.trial import Scalar

if TYPE_CHECKING:
    from sweep.study.spec import StudySpec


def type_faults(spec: StudySpec) -> Iterator[str]:
    """What is no design, or no claims, altogether."""
    if spec.design is not None and not isinstance(spec.design, (Design, Pilot)):
        way_out = "Write design=Design(...)"
        yield fault("design", "be a Design, or None", spec.design, way_out=way_out)
    claims = spec.claims
    if not isinstance(claims, tuple) or not all(isinstance(each, Claim) for each in claims):
        way_out = "Write claims=(Claim(...),)"
        yield fault("claims", "be a tuple of Claims", claims, way_out=way_out)


def design_faults(spec: StudySpec) -> Iterator[str]:
    """What no design can be, and what the space has not."""
    design = spec.design
    if design is None:
        return
    faults = list(design.faults())
    yield from faults
    if faults or spec.space.faults():
        return
    if spec.space.size() == 1:
        yield fault("design", "have a space with at least two configurations", list(spec.space))
    if isinstance(design, Pilot):
        for field in ("dominant", "nuisance"):
            name = getattr(design, field)
            if name and name not in spec.space.params:
                rule = f"be one of the space's {', '.join(spec.space)}"
                yield fault(f"design.{field}", rule, name)


def claim_faults(spec: StudySpec) -> Iterator[str]:
    """What a claim is about must vary; a nuisance may also be a setting that is fixed."""
    known = set(spec.space.params) if isinstance(spec.space.params, Mapping) else set()
    if "rank" in known and known & {"alpha", "scaling"}:
        known |= set(COUPLED)
    nuisances = known | set(spec.settings) | set(Claim().nuisances)
    for index, claim in enumerate(spec.claims):
        where = f"claims[{index}]"
        faults = claim.faults(where)
        yield from faults
        if faults:
            continue
        for field in ("dominant", "over", "negligible"):
            yield from _unknown(f"{where}.{field}", getattr(claim, field), known)
        what = "parameters of the space, or settings"
        yield from _unknown(f"{where}.nuisances", claim.nuisances, nuisances, what)


def _unknown(
    where: str,
    parts: Part | tuple[Part, ...],
    allowed: set[str],
    what: str = "parameters of the space",
) -> Iterator[str]:
    listed = (parts,) if isinstance(parts, str) else parts
    for name in (name for part in listed for name in as_group(part)):
        if name not in allowed:
            rule = f"name {what} ({', '.join(sorted(allowed))})"
            yield fault(where, rule, name)


SAMPLERS = ("tpe", "random", "qmc", "gp", "grid")
PRUNERS = ("none", "median", "halving", "hyperband")
KEEP = ("best", "all", "none")
RETRY = re.compile(r"retry\((\d{1,3})\)")
_TO = f"to {2**32 - 1}"
NAME_LENGTH = 512
"""What Optuna's databases have room for."""

_DOTTED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def spec_faults(spec: StudySpec, parts: Mapping[str, type], baseline: type) -> list[str]:
    """Every broken rule of a spec, in words; empty when it is usable.

    Args:
        spec: any spec.
        parts: its fields that are records, and their classes.
        baseline: the class of its baselines.
    """
    # A field that is something else altogether has no rules that could be asked.
    other = [*_part_faults(spec, parts, baseline), *_mapping_faults(spec)]
    if other:
        return [*_name_faults(spec), *other]
    return [
        *_name_faults(spec),
        *spec.space.faults(),
        *_method_faults(spec),
        *_budget_faults(spec),
        *_policy_faults(spec),
        *_seed_faults(spec),
        *_baseline_faults(spec),
        *_value_faults(spec),
        *design_faults(spec),
        *claim_faults(spec),
    ]


def _part_faults(spec: StudySpec, parts: Mapping[str, type], baseline: type) -> Iterator[str]:
    for name, kind in parts.items():
        value, wanted = getattr(spec, name), kind.__name__
        if not isinstance(value, kind):
            yield fault(name, f"be a {wanted}", value, way_out=f"Write {name}={wanted}(...)")
    many = spec.baselines
    if not isinstance(many, tuple) or not all(isinstance(each, baseline) for each in many):
        way_out = "Write baselines=(Baseline(...),)"
        yield fault("baselines", "be a tuple of Baselines", many, way_out=way_out)
    yield from type_faults(spec)


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> Iterator[str]:
    if value not in allowed:
        yield fault(name, f"be one of {', '.join(allowed)}", value)


def _name_faults(spec: StudySpec) -> Iterator[str]:
    if not isinstance(spec.name, str) or not spec.name.strip():
        yield fault("name", "be a non-empty string", spec.name)
    elif not spec.name.isprintable() or spec.name != spec.name.strip():
        yield fault("name", "be one printable line without blanks at its ends", spec.name)
    elif len(spec.name) > NAME_LENGTH:
        rule = f"have at most {NAME_LENGTH} characters"
        yield fault("name", rule, f"{spec.name[:20]}... ({len(spec.name)} characters)")
    if not isinstance(spec.objective, str) or not _DOTTED.fullmatch(spec.objective):
        yield fault("objective", "be written 'package.module:Name'", spec.objective)


def _method_faults(spec: StudySpec) -> Iterator[str]:
    yield from _one_of("direction", spec.direction, ("maximize", "minimize"))
    yield from _one_of("sampler.name", spec.sampler.name, SAMPLERS)
    yield from _one_of("pruner.name", spec.pruner.name, PRUNERS)
    if not _is_count(spec.sampler.seed):
        yield fault("sampler.seed", f"be a whole number of 0 {_TO}", spec.sampler.seed)
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
        yield fault("budget.trials", f"be a whole number of 1 {_TO}", trials)
    if seconds is not None and not (is_number(seconds) and seconds > 0):
        yield fault("budget.seconds", "be a number above 0, or None", seconds)


def _policy_faults(spec: StudySpec) -> Iterator[str]:
    policy = spec.policy
    chosen = policy.on_failure
    if chosen not in ("continue", "stop") and not (
        isinstance(chosen, str) and RETRY.fullmatch(chosen)
    ):
        yield fault("policy.on_failure", "be 'continue', 'stop' or 'retry(k)'", chosen)
    if not _is_count(policy.max_retries):
        yield fault("policy.max_retries", f"be a whole number of 0 {_TO}", policy.max_retries)
    yield from _one_of("policy.keep", policy.keep, KEEP)


def _seed_faults(spec: StudySpec) -> Iterator[str]:
    seeds = spec.seeds
    if not isinstance(seeds, tuple) or not seeds or not all(map(_is_count, seeds)):
        rule = f"be a tuple of one or more whole numbers of 0 {_TO}"
        yield fault("seeds", rule, seeds, way_out="For example seeds=(0, 1)")
    elif len(set(seeds)) < len(seeds):
        yield fault("seeds", "differ from each other", seeds)


def _mapping_faults(spec: StudySpec) -> Iterator[str]:
    for name, tree in (("settings", spec.settings), ("inputs", spec.inputs)):
        if not isinstance(tree, Mapping) or not all(isinstance(key, str) for key in tree):
            yield fault(name, "map names to values", tree)


def _baseline_faults(spec: StudySpec) -> Iterator[str]:
    names = [baseline.name for baseline in spec.baselines]
    for name in names:
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            yield fault("a baseline's name", "be one printable line", name)
    if len({str(name) for name in names}) < len(names):
        yield fault("baselines", "have different names", names)
    for baseline in spec.baselines:
        values = baseline.values
        if not isinstance(values, Mapping) or not all(map(_is_plain, values.items())):
            rule = "map names to strings, finite numbers or booleans"
            yield fault(f"baseline {baseline.name!r}", rule, values)


def _value_faults(spec: StudySpec) -> Iterator[str]:
    for key, value in spec.inputs.items():
        if not isinstance(value, str):
            yield fault(f"inputs.{key}", "be a path or a name", value)
    for key, value in spec.settings.items():
        if not _survives_json(value):
            yield fault(f"settings.{key}", "be a JSON value", value)
        if isinstance(spec.space.params, Mapping) and key in spec.space.params:
            yield fault(
                f"settings.{key}",
                "not be fixed and sampled at once",
                value,
                way_out="Remove it from settings or from space",
            )


def _is_plain(item: tuple[object, object]) -> bool:
    """Whether a name and its value are what a trial can be given."""
    name, value = item
    return isinstance(name, str) and (isinstance(value, (str, bool)) or is_number(value))


def _survives_json(value: object) -> bool:
    """Whether storing and loading gives the value back (tuples, NaN and objects do not)."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


@dataclass(frozen=True)
class Sampler:
    """How configurations are proposed.

    Attributes:
        name: ``tpe`` (find the best), ``random``, ``qmc``, ``gp`` or ``grid``.
        seed: base of the sampler's seed; each resume derives a new one from it.
    """

    name: str = "tpe"
    seed: int = 0

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)


@dataclass(frozen=True)
class Pruner:
    """When a trial is stopped early.

    Attributes:
        name: ``none``, ``median``, ``halving`` or ``hyperband``.
    """

    name: str = "none"

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)


@dataclass(frozen=True)
class Budget:
    """How much is spent on the study.

    Attributes:
        trials: run until this many trials are COMPLETE.
        seconds: start no new trial after this many seconds of a run; None for no limit.
    """

    trials: int = 20
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)


@dataclass(frozen=True)
class Policy:
    """What happens when trials fail, and which adapters are kept.

    Attributes:
        on_failure: ``continue`` with other trials, ``stop`` the sweep, or ``retry(k)``: run
            a failed trial up to k times more, for faults of the machine.
        max_retries: how often one trial may be interrupted and run again.
        keep: trained adapters to keep: of the ``best`` trial, of ``all``, or ``none``.
    """

    on_failure: str = "continue"
    max_retries: int = 10
    keep: str = "best"

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)

    @property
    def failure_retries(self) -> int:
        """How often a failed trial is run again."""
        match = RETRY.fullmatch(self.on_failure)
        return int(match[1]) if match else 0


@dataclass(frozen=True)
class Baseline:
    """A fixed configuration outside the space, measured once per seed for comparison.

    Attributes:
        name: what to call it (``head only``).
        values: parameter values, as an objective takes them.
    """

    name: str
    values: Mapping[str, Scalar]

    def __post_init__(self) -> None:
        """Keep plain values."""
        make_native(self)
