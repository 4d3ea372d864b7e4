"""What every test may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A machine that was busy for a moment is no counterexample.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SHARED = Path(__file__).parents[1] / ".." / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real chains and a real ESM-2, where this checkout has them beside it."""
    if not SHARED.is_dir():
        pytest.skip(f"real data and models are not here ({SHARED} is absent)")
    return SHARED.resolve()
