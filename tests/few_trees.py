"""Smaller forests, for tests of what holds of any forest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sweep.analysis.importance import importance


@contextmanager
def few_trees(number: int = 8) -> Iterator[None]:
    """As many behind a share, in place of 64, and half of them behind a resample."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importance, "N_TREES", number)
        patch.setattr(importance, "resample_trees", lambda _: number // 2)
        yield
