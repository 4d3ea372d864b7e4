"""Parameters that are one of several values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sweep.errors import SpecError, fault
from sweep.native import native
from sweep.space.param import is_number
from sweep.targets import canonical
from sweep.trial import Scalar


@dataclass(frozen=True, init=False)
class Choice:
    """One of several values: ``Choice(1, 2, 4)`` or ``Choice("linear", "cosine")``.

    Attributes:
        values: what may be chosen; strings, numbers or booleans, each once.
    """

    values: tuple[Scalar, ...]

    def __init__(self, *values: Scalar) -> None:
        object.__setattr__(self, "values", tuple(map(native, values)))

    def faults(self, name: str) -> list[str]:
        """Every broken rule, in words."""
        if not self.values:
            return [fault(f"space.{name}", "offer at least one value", self.values)]
        endless = [v for v in self.values if type(v) in (int, float) and not is_number(v)]
        if endless:
            return [fault(f"space.{name}", "hold finite numbers", endless[0])]
        odd = [value for value in self.values if not isinstance(value, (str, int, float, bool))]
        if odd:
            return [
                fault(
                    f"space.{name}",
                    "hold strings, numbers or booleans",
                    odd[0],
                    way_out="Anything else does not survive a resume; write a string, "
                    "or use TargetSets for sets of matrices",
                )
            ]
        if len(set(self.values)) < len(self.values):  # also catches 1 == True, 1 == 1.0
            return [fault(f"space.{name}", "offer each value once", self.values)]
        return []

    @property
    def numeric(self) -> bool:
        """Whether every value is a number, so that the choices have an order."""
        return all(is_number(value) for value in self.values)

    def contains(self, value: object) -> bool:
        """Whether ``value`` is offered (``True`` is not ``1``)."""
        return any(value == v and type(value) is type(v) for v in self.values)

    def encode(self, value: Scalar) -> float:
        """The value's index."""
        return float(self.values.index(value))

    def decode(self, place: float) -> Scalar:
        """The value at the nearest index."""
        return self.values[min(max(round(place), 0), len(self.values) - 1)]

    def grid(self) -> tuple[Scalar, ...]:
        """All values."""
        return self.values

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return {"kind": "choice", "values": list(self.values)}


@dataclass(frozen=True, init=False)
class TargetSets:
    """Named sets of weight matrices: ``TargetSets("qkv", "mlp", wide="all-linear")``.

    Attributes:
        sets: (label, set as written) in order; the label is the text itself unless named.
    """

    sets: tuple[tuple[str, str], ...]

    def __init__(self, *sets: str, **named: str) -> None:
        self._keep([*((text, text) for text in sets), *named.items()])

    def _keep(self, pairs: Iterable[Sequence[str]]) -> None:
        plain = tuple((native(label), native(text)) for label, text in pairs)
        object.__setattr__(self, "sets", plain)

    @classmethod
    def from_pairs(cls, pairs: Iterable[Sequence[str]]) -> TargetSets:
        """Build from (label, set) pairs, as JSON holds them."""
        made = cls()
        made._keep(pairs)
        return made

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The sets in canonical form, as stored."""
        return tuple(canonical(text) for _, text in self.sets)

    def label(self, value: str) -> str:
        """The short name of a canonical set, or the set itself when it has none."""
        return next((label for label, text in self.sets if canonical(text) == value), value)

    def faults(self, name: str) -> list[str]:
        """Every broken rule, in words; two names for the same matrices are one."""
        if not self.sets:
            return [fault(f"space.{name}", "offer at least one target set", ())]
        faults: list[str] = []
        seen: dict[str, str] = {}
        for label, text in self.sets:
            try:
                value = canonical(text, where=f"space.{name}")
            except SpecError as error:
                faults.extend(error.faults)
                continue
            if not isinstance(label, str) or not label.isprintable():
                faults.append(fault(f"space.{name}", "have labels of one printable line", label))
                continue
            if value in seen:
                faults.append(
                    fault(
                        f"space.{name}",
                        "name each set of matrices once",
                        label,
                        where=f"same as {seen[value]!r}: {value}",
                        way_out="Remove one of the two",
                    )
                )
            seen.setdefault(value, label)
        return faults

    def contains(self, value: object) -> bool:
        """Whether ``value`` is the canonical string of one of the sets."""
        return value in self.values

    def encode(self, value: Scalar) -> float:
        """The set's index."""
        return float(self.values.index(str(value)))

    def decode(self, place: float) -> str:
        """The set at the nearest index."""
        return self.values[min(max(round(place), 0), len(self.sets) - 1)]

    def grid(self) -> tuple[str, ...]:
        """All sets."""
        return self.values

    def to_json(self) -> dict[str, Any]:
        """A JSON tree."""
        return {"kind": "target_sets", "sets": [list(pair) for pair in self.sets]}
