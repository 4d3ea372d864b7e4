"""What makes two configurations the same, and which ones nobody tried."""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping

from sweep.study.space import Space
from sweep.study.trial import Scalar

Key = tuple[tuple[str, str], ...]
"""A configuration as something hashable."""


def configuration_key(values: Mapping[str, Scalar]) -> Key:
    """What makes two configurations the same (``repr`` keeps ``True`` apart from ``1``)."""
    return tuple(sorted((name, repr(value)) for name, value in values.items()))


def untried(space: Space, tried: Container[Key]) -> list[dict[str, Scalar]] | None:
    """The configurations of a finite space that nobody tried; None for an endless space."""
    grids = [space[name].grid() for name in space]
    if space.size() is None:
        return None
    return [
        values
        for point in itertools.product(*(grid for grid in grids if grid is not None))
        if configuration_key(values := dict(zip(space, point, strict=True))) not in tried
    ]
