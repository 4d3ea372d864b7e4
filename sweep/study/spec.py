"""A study, written down: one frozen, typed, checked record with a digest.

The spec says *what* is measured. Three of its fields only say how long, where and how
carefully (``budget``, ``inputs``, ``policy``): they may change between runs of one study
and stay out of the digest. What an input *holds* is fingerprinted by the objective instead, so a
moved folder is the same data and an edited file is not. The ``claims`` are not in it either,
since they change no trial; but a change of theirs is kept in the study's history.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sweep.errors import SpecError, fault
from sweep.study.claim import Claim
from sweep.study.design import Design, Pilot, design_from_json
from sweep.study.native import make_native
from sweep.study.space import Space
from sweep.study.spec_parts import Baseline, Budget, Policy, Pruner, Sampler, spec_faults

__all__ = [
    "Baseline",
    "Budget",
    "Policy",
    "Pruner",
    "Sampler",
    "StudySpec",
    "differences",
]

_PARTS = {"space": Space, "sampler": Sampler, "pruner": Pruner, "budget": Budget, "policy": Policy}


@dataclass(frozen=True)
class StudySpec:
    """What a study measures.

    Attributes:
        name: the study's name in its storage.
        objective: dotted name of the objective, ``package.module:Name``.
        space: the parameters that vary.
        settings: the objective's settings that do not vary; JSON values.
        sampler: how configurations are proposed.
        pruner: when trials stop early.
        direction: ``maximize`` or ``minimize``.
        seeds: one per replicate; every configuration is run once with each.
        baselines: configurations outside the space to compare with.
        design: the measurement that goes ahead of the search; None to search only.
        budget: how much is spent (not part of the digest).
        inputs: where the objective's inputs are (not part of the digest).
        policy: about failures and adapters (not part of the digest).
        claims: what the measurement is to test (not part of the digest).

    Raises:
        SpecError: with every fault of the spec at once.
    """

    name: str
    objective: str
    space: Space
    settings: Mapping[str, Any] = field(default_factory=dict)
    sampler: Sampler = field(default_factory=Sampler)
    pruner: Pruner = field(default_factory=Pruner)
    direction: str = "maximize"
    seeds: tuple[int, ...] = (0,)
    baselines: tuple[Baseline, ...] = ()
    budget: Budget = field(default_factory=Budget)
    inputs: Mapping[str, str] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    design: Design | Pilot | None = None
    claims: tuple[Claim, ...] = ()

    def __post_init__(self) -> None:
        """Keep plain values, and refuse a spec that breaks a rule."""
        make_native(self)
        faults = spec_faults(self, _PARTS, Baseline)
        if faults:
            raise SpecError(faults)

    def to_json(self) -> dict[str, Any]:
        """A JSON tree that ``from_json`` reads back to an equal spec."""
        return {
            "name": self.name,
            "objective": self.objective,
            "space": self.space.to_json(),
            "settings": dict(self.settings),
            "sampler": {"name": self.sampler.name, "seed": self.sampler.seed},
            "pruner": {"name": self.pruner.name},
            "direction": self.direction,
            "seeds": list(self.seeds),
            "baselines": [{"name": b.name, "values": dict(b.values)} for b in self.baselines],
            "budget": {"trials": self.budget.trials, "seconds": self.budget.seconds},
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
            design = fields.pop("design", None)  # studies made before it had one
            return cls(
                space=Space.from_json(fields.pop("space")),
                sampler=Sampler(**fields.pop("sampler")),
                pruner=Pruner(**fields.pop("pruner")),
                seeds=tuple(fields.pop("seeds")),
                baselines=tuple(Baseline(**b) for b in fields.pop("baselines")),
                budget=Budget(**fields.pop("budget")),
                policy=Policy(**fields.pop("policy", {})),  # likewise
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
        """The part of the JSON that says what is measured: not budget, inputs, policy, claims."""
        tree = self.to_json()
        del tree["budget"], tree["inputs"], tree["policy"], tree["claims"]
        if self.design is None:  # as studies made before there were designs have it
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
        """A copy with what the command line overrides; None keeps what is there."""
        return replace(
            self,
            name=self.name if name is None else name,
            budget=Budget(
                trials=self.budget.trials if trials is None else trials,
                seconds=self.budget.seconds if seconds is None else seconds,
            ),
            inputs={**self.inputs, **(inputs or {})},
            settings={**self.settings, **(settings or {})},
            policy=replace(self.policy, **(policy or {})),
        )


def differences(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> list[str]:
    """Name each leaf in which two JSON trees differ.

    Args:
        old: the tree the study was made with.
        new: the tree at hand.
        path: where both hang, as a prefix.

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
