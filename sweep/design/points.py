"""One run of a design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweep.trial import Scalar


@dataclass(frozen=True)
class Point:
    """A configuration, and the seed it is run with.

    Attributes:
        index: of its configuration; configurations are numbered in the order they are run.
        values: parameter name to value.
        seed: the trial's.
        replicate: 0, or which repetition of its configuration it is.
    """

    index: int
    values: Mapping[str, Scalar]
    seed: int
    replicate: int = 0

    def to_json(self) -> dict[str, Any]:
        """A JSON tree that ``from_json`` reads back."""
        return {
            "index": self.index,
            "values": dict(self.values),
            "seed": self.seed,
            "replicate": self.replicate,
        }

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> Point:
        """Read back what ``to_json`` wrote."""
        return cls(**tree)
