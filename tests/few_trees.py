"""Smaller random forests, for tests of properties that hold for any forest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sweep.analysis.importance import importance


@contextmanager
def few_trees(number: int = 8) -> Iterator[None]:
    """Fewer trees per share than the default 64, and half as many per resample."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importance, "N_TREES", number)
        patch.setattr(importance, "resample_trees", lambda _: number // 2)
        yield
