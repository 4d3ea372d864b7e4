"""Keys that identify a configuration, and the configurations not yet tried."""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping

from sweep.study.space import Space
from sweep.study.trial import Scalar

Key = tuple[tuple[str, str], ...]
"""A configuration in hashable form."""


def configuration_key(values: Mapping[str, Scalar]) -> Key:
    """A configuration's key; ``repr`` distinguishes ``True`` and ``1``."""
    return tuple(sorted((name, repr(value)) for name, value in values.items()))


def untried(space: Space, tried: Container[Key]) -> list[dict[str, Scalar]] | None:
    """The configurations of a finite space without a trial; None for an infinite space."""
    grids = [space[name].grid() for name in space]
    if space.size() is None:
        return None
    return [
        values
        for point in itertools.product(*(grid for grid in grids if grid is not None))
        if configuration_key(values := dict(zip(space, point, strict=True))) not in tried
    ]
