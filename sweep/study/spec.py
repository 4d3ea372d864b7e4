"""The study spec: a frozen, validated record of what is measured, with a digest.

``budget``, ``inputs``, ``policy`` and ``claims`` may change between runs of a study and are not
part of the digest. The objective fingerprints the content of inputs, and the study's history
records changes of claims.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sweep.errors import SpecError, fault
from sweep.study.claim import Claim, claim_faults
from sweep.study.design import Design, Pilot, design_faults, design_from_json
from sweep.study.function import FunctionObjective
from sweep.study.native import make_native
from sweep.study.rules import MOST_SEED, chosen, count, field_faults
from sweep.study.space import Space
from sweep.study.spec_parts import Baseline, Budget, Policy, Pruner, Sampler

__all__ = ["Baseline", "Budget", "Policy", "Pruner", "Sampler", "StudySpec", "differences"]

NAME_LENGTH = 512
"""The longest name that Optuna's databases can store."""

_DOTTED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_PARTS = {"space": Space, "sampler": Sampler, "pruner": Pruner, "budget": Budget, "policy": Policy}


@dataclass(frozen=True)
class StudySpec:
    """What a study measures.

    Attributes:
        name: the study's name in its storage.
        objective: dotted name of the objective, ``package.module:Name``, or a
            ``FunctionObjective``, which adds its metric to the settings.
        space: the parameters that vary.
        settings: the objective's settings that do not vary; JSON values.
        sampler: how configurations are proposed.
        pruner: when trials stop early.
        direction: ``maximize`` or ``minimize``.
        seeds: one per replicate; every configuration is run once with each.
        baselines: configurations outside the space to compare with.
        design: the designed experiment that precedes the search; None to search only.
        budget: number of trials and time limit (not part of the digest).
        inputs: paths or names of the objective's inputs (not part of the digest).
        policy: handling of failures and adapters (not part of the digest).
        claims: the hypotheses that the design tests (not part of the digest).

    Raises:
        SpecError: lists all faults of the spec.
    """

    name: str
    objective: str
    space: Space
    settings: Mapping[str, Any] = field(default_factory=dict)
    sampler: Sampler = field(default_factory=Sampler)
    pruner: Pruner = field(default_factory=Pruner)
    direction: str = chosen("maximize", "maximize", "minimize")
    seeds: tuple[int, ...] = (0,)
    baselines: tuple[Baseline, ...] = ()
    budget: Budget = field(default_factory=Budget)
    inputs: Mapping[str, str] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    design: Design | Pilot | None = None
    claims: tuple[Claim, ...] = ()

    def __post_init__(self) -> None:
        """Convert the fields to plain Python values, and refuse an invalid spec."""
        faults: list[str] = []
        if isinstance(self.objective, FunctionObjective):
            faults += self.objective.unimportable()
            if isinstance(self.settings, Mapping):
                settings = {**self.settings, **self.objective.settings()}
                object.__setattr__(self, "settings", settings)
        make_native(self)
        if isinstance(self.inputs, Mapping):
            paths = {n: os.fspath(v) for n, v in self.inputs.items() if isinstance(v, os.PathLike)}
            object.__setattr__(self, "inputs", {**self.inputs, **paths})
        faults += self.faults()
        if faults:
            raise SpecError(faults)

    def faults(self) -> Iterator[str]:
        """All faults, one sentence each; none for a valid spec."""
        yield from _name_faults(self)
        # Fields of a wrong type are reported first; their contents cannot be checked.
        other = [*_type_faults(self), *_mapping_faults(self)]
        yield from other
        if other:
            return
        yield from self.space.faults()
        yield from field_faults(self, "")
        yield from self.sampler.faults()
        yield from self.pruner.faults()
        yield from _grid_faults(self)
        yield from self.budget.faults()
        yield from self.policy.faults()
        yield from _seed_faults(self)
        yield from _baseline_faults(self)
        yield from _value_faults(self)
        yield from design_faults(self.design, self.space)
        params = self.space.params if isinstance(self.space.params, Mapping) else {}
        yield from claim_faults(self.claims, params, self.settings)

    def to_json(self) -> dict[str, Any]:
        """A JSON tree that ``from_json`` reads back to an equal spec."""
        return {
            "name": self.name,
            "objective": self.objective,
            "space": self.space.to_json(),
            "settings": dict(self.settings),
            "sampler": asdict(self.sampler),
            "pruner": asdict(self.pruner),
            "direction": self.direction,
            "seeds": list(self.seeds),
            "baselines": [{"name": b.name, "values": dict(b.values)} for b in self.baselines],
            "budget": asdict(self.budget),
            "inputs": dict(self.inputs),
            "policy": asdict(self.policy),
            "design": None if self.design is None else self.design.to_json(),
            "claims": [claim.to_json() for claim in self.claims],
        }

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> StudySpec:
        """Read back what ``to_json`` wrote.

        Raises:
            SpecError: if a field is missing or unknown, or breaks a rule.
        """
        try:
            fields = dict(tree)
            design = fields.pop("design", None)  # absent in older studies
            return cls(
                space=Space.from_json(fields.pop("space")),
                sampler=Sampler(**fields.pop("sampler")),
                pruner=Pruner(**fields.pop("pruner")),
                seeds=tuple(fields.pop("seeds")),
                baselines=tuple(Baseline(**b) for b in fields.pop("baselines")),
                budget=Budget(**fields.pop("budget")),
                policy=Policy(**fields.pop("policy", {})),  # absent in older studies
                design=None if design is None else design_from_json(design),
                claims=tuple(Claim.from_json(claim) for claim in fields.pop("claims", ())),
                **fields,
            )
        except SpecError:
            raise
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            got = f"nothing for {error}" if isinstance(error, KeyError) else str(error)
            rule = "have the fields of StudySpec"
            raise SpecError(fault("a study spec", rule, got, where="JSON")) from error

    def identity(self) -> dict[str, Any]:
        """The part of the JSON that the digest covers: no budget, inputs, policy or claims."""
        tree = self.to_json()
        del tree["budget"], tree["inputs"], tree["policy"], tree["claims"]
        if self.design is None:  # as in studies made before designs existed
            del tree["design"]
        return tree

    def digest(self) -> str:
        """16 hexadecimal digits of SHA-256 over ``identity``; key order does not matter."""
        text = json.dumps(self.identity(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def with_changes(
        self,
        *,
        trials: int | None = None,
        seconds: float | None = None,
        inputs: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        name: str | None = None,
        policy: Mapping[str, Any] | None = None,
    ) -> StudySpec:
        """A copy with the given changes, as from the command line; None keeps a value."""
        return replace(
            self,
            name=self.name if name is None else name,
            budget=Budget(
                self.budget.trials if trials is None else trials,
                self.budget.seconds if seconds is None else seconds,
            ),
            inputs={**self.inputs, **(inputs or {})},
            settings={**self.settings, **(settings or {})},
            policy=replace(self.policy, **(policy or {})),
        )


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


def _type_faults(spec: StudySpec) -> Iterator[str]:
    for name, kind in _PARTS.items():
        value, wanted = getattr(spec, name), kind.__name__
        if not isinstance(value, kind):
            yield fault(name, f"be a {wanted}", value, way_out=f"Write {name}={wanted}(...)")
    yield from _tuple_faults("baselines", spec.baselines, Baseline)
    if spec.design is not None and not isinstance(spec.design, (Design, Pilot)):
        way_out = "Write design=Design(...)"
        yield fault("design", "be a Design, or None", spec.design, way_out=way_out)
    yield from _tuple_faults("claims", spec.claims, Claim)


def _tuple_faults(name: str, many: object, kind: type) -> Iterator[str]:
    if not isinstance(many, tuple) or not all(isinstance(each, kind) for each in many):
        rule, way_out = f"be a tuple of {kind.__name__}s", f"Write {name}=({kind.__name__}(...),)"
        yield fault(name, rule, many, way_out=way_out)


def _mapping_faults(spec: StudySpec) -> Iterator[str]:
    for name, tree in (("settings", spec.settings), ("inputs", spec.inputs)):
        if not isinstance(tree, Mapping) or not all(isinstance(key, str) for key in tree):
            yield fault(name, "map names to values", tree)


def _grid_faults(spec: StudySpec) -> Iterator[str]:
    if spec.sampler.name == "grid" and not spec.space.faults() and spec.space.size() is None:
        rule = "not be 'grid' for a space with real-valued or very wide parameters"
        way_out = "Use Choice for each parameter, or the 'qmc' sampler"
        yield fault("sampler.name", rule, spec.sampler.name, way_out=way_out)


def _seed_faults(spec: StudySpec) -> Iterator[str]:
    seeds = spec.seeds
    if not isinstance(seeds, tuple) or not seeds or not all(map(count(0, MOST_SEED), seeds)):
        rule = f"be a tuple of one or more whole numbers of 0 to {MOST_SEED}"
        yield fault("seeds", rule, seeds, way_out="For example seeds=(0, 1)")
    elif len(set(seeds)) < len(seeds):
        yield fault("seeds", "differ from each other", seeds)


def _baseline_faults(spec: StudySpec) -> Iterator[str]:
    names = [baseline.name for baseline in spec.baselines]
    if len({str(name) for name in names}) < len(names):
        yield fault("baselines", "have different names", names)
    for baseline in spec.baselines:
        yield from baseline.faults()


def _value_faults(spec: StudySpec) -> Iterator[str]:
    for key, value in spec.inputs.items():
        if not isinstance(value, str):
            yield fault(f"inputs.{key}", "be a path or a name", value)
    for key, value in spec.settings.items():
        if not _survives_json(value):
            yield fault(f"settings.{key}", "be a JSON value", value)
        if isinstance(spec.space.params, Mapping) and key in spec.space.params:
            rule = "not be fixed and sampled at once"
            way_out = "Remove it from settings or from space"
            yield fault(f"settings.{key}", rule, value, way_out=way_out)


def _survives_json(value: object) -> bool:
    """Whether JSON returns the value unchanged (tuples, NaN and objects are changed)."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


def differences(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> list[str]:
    """List the leaves in which two JSON trees differ.

    Args:
        old: the tree that the study was made with.
        new: the present tree.
        path: prefix of the paths shown.

    Returns:
        One ``path: old -> new`` per difference, in the old tree's order.
    """
    found: list[str] = []
    for key in [*old, *(key for key in new if key not in old)]:
        where = f"{path}.{key}" if path else str(key)
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found.extend(differences(before, after, where))
        elif key not in new:
            found.append(f"{where}: {before!r} -> absent")
        elif key not in old:
            found.append(f"{where}: absent -> {after!r}")
        elif before != after or isinstance(before, bool) is not isinstance(after, bool):
            found.append(f"{where}: {before!r} -> {after!r}")
    return found
