"""Rows of a test: the first ones run in ``make test``, the others are integration tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def first(quick: int, rows: Iterable[Any]) -> list[Any]:
    """All rows in their order; only the first ``quick`` of them run in ``make test``."""
    made: list[Any] = []
    for place, row in enumerate(rows):
        values = row if isinstance(row, tuple) else (row,)
        marks = () if place < quick else pytest.mark.integration
        made.append(pytest.param(*values, marks=marks))
    return made
