"""The search space: parameters in order, and configurations as points."""

from __future__ import annotations

import itertools
import math
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sweep.errors import SpecError, fault
from sweep.study.native import make_native
from sweep.study.parameters import Choice, Float, Int, Param, TargetSets
from sweep.study.trial import Scalar


def param_from_json(tree: object) -> Param:
    """Read back what ``Param.to_json`` wrote.

    Raises:
        SpecError: if the tree is of no known kind.
    """
    match tree:
        case {"kind": "int", "low": low, "high": high, "log": log, "step": step}:
            return Int(low, high, log=log, step=step)
        case {"kind": "float", "low": low, "high": high, "log": log}:
            return Float(low, high, log=log)
        case {"kind": "choice", "values": [*values]}:
            return Choice(*values)
        case {"kind": "target_sets", "sets": [*sets]} if all(map(_is_pair, sets)):
            return TargetSets.from_pairs(sets)
    rule = "hold parameters of kind int, float, choice or target_sets"
    raise SpecError(fault("space", rule, tree))


def _is_pair(tree: object) -> bool:
    return isinstance(tree, (list, tuple)) and len(tree) == 2


@dataclass(frozen=True)
class Space:
    """Parameters by name, in the order given.

    Attributes:
        params: parameter name to parameter.
    """

    params: Mapping[str, Param] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Convert the names to plain strings."""
        make_native(self)

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter(self.params)

    def __getitem__(self, name: str) -> Param:
        """The parameter of that name."""
        return self.params[name]

    def __len__(self) -> int:
        """The number of parameters."""
        return len(self.params)

    def faults(self) -> list[str]:
        """All faults, one sentence each."""
        if not isinstance(self.params, Mapping):
            return [fault("space", "map names to parameters", self.params)]
        if not self.params:
            return [fault("space", "have at least one parameter", {})]
        found: list[str] = []
        for name, param in self.params.items():
            if not isinstance(name, str) or not name.isidentifier():
                found.append(fault("a parameter name", "be an identifier", name, where="space"))
            if isinstance(param, (Int, Float, Choice, TargetSets)):
                found.extend(param.faults(name))
            else:
                rule = "be an Int, Float, Choice or TargetSets"
                found.append(fault(f"space.{name}", rule, param))
        return found

    def contains(self, values: Mapping[str, Scalar]) -> bool:
        """Whether ``values`` is a complete configuration of this space."""
        return set(values) == set(self.params) and all(
            self.params[name].contains(value) for name, value in values.items()
        )

    def encode(self, values: Mapping[str, Scalar]) -> tuple[float, ...]:
        """A configuration as a point, one coordinate per parameter."""
        return tuple(param.encode(values[name]) for name, param in self.params.items())

    def decode(self, point: tuple[float, ...]) -> dict[str, Scalar]:
        """The configuration at, or nearest to, a point; inverse of ``encode``."""
        return {
            name: param.decode(place)
            for (name, param), place in zip(self.params.items(), point, strict=True)
        }

    def size(self) -> int | None:
        """The number of configurations; None if they cannot be counted."""
        grids = [param.grid() for param in self.params.values()]
        if any(grid is None for grid in grids):
            return None
        return math.prod(len(grid) for grid in grids if grid is not None)

    def labels(self) -> dict[str, str]:
        """Canonical target set to its label, over all target-set parameters."""
        return {
            value: param.label(value)
            for param in self.params.values()
            if isinstance(param, TargetSets)
            for value in param.values
        }

    def to_json(self) -> dict[str, Any]:
        """A JSON tree, in order."""
        return {name: param.to_json() for name, param in self.params.items()}

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Space:
        """Read back what ``to_json`` wrote.

        Raises:
            SpecError: if it is no tree of parameters.
        """
        if not isinstance(tree, Mapping):
            raise SpecError(fault("space", "map names to parameters", tree))
        return cls({name: param_from_json(branch) for name, branch in tree.items()})


Key = tuple[tuple[str, str], ...]
"""A configuration in hashable form."""


def configuration_key(values: Mapping[str, Scalar]) -> Key:
    """A configuration's key; ``repr`` distinguishes ``True`` and ``1``."""
    return tuple(sorted((name, repr(value)) for name, value in values.items()))


def untried(space: Space, tried: Container[Key]) -> list[dict[str, Scalar]] | None:
    """The configurations of a finite space without a trial; None for an infinite space."""
    if space.size() is None:
        return None
    return [
        values
        for point in itertools.product(*(space[name].grid() or () for name in space))
        if configuration_key(values := dict(zip(space, point, strict=True))) not in tried
    ]
