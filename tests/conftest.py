"""What every test may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[1] / ".." / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real chains and a real ESM-2, where this checkout has them beside it."""
    if not SHARED.is_dir():
        pytest.skip(f"real data and models are not here ({SHARED} is absent)")
    return SHARED.resolve()
