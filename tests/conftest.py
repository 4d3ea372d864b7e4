"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import workers
from hypothesis import HealthCheck, settings

# A machine that was busy for a moment is no counterexample.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SHARED = Path(__file__).parents[1] / ".." / "shared"


@pytest.fixture(autouse=True, scope="session")
def own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What lorasweep remembers of the tests' studies is not written into the user's home."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real chains and a real ESM-2, where this checkout has them beside it."""
    if not SHARED.is_dir():
        pytest.skip(f"real data and models are not here ({SHARED} is absent)")
    return SHARED.resolve()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Slow tests start workers as the product does, from a fresh interpreter each."""
    workers.fork_them(really=item.get_closest_marker("slow") is None)
