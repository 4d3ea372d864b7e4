"""Fixtures and options of all tests."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import examples  # noqa: F401 - the profiles
import lean
import pytest
import workers
from faults.postgres import Postgres
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

settings.load_profile("quick")  # unless --hypothesis-profile names another

lean.save()
gc.disable()  # until all test modules are imported: what they import stays

STARTED_ONCE = {"cluster", "postgres", "browser"}
"""Fixtures that start slowly."""

STARTED_ONCE_FOLDERS = "browser", "ray"
"""Folders whose files share such a fixture, and with ``-n`` a process."""

INTEGRATION = "browser", "faults", "ray"
"""Folders of integration tests: their tests start and kill servers, browsers and processes."""

SLOW = 1800
"""Seconds after which a slow test is stopped: the machine may be busy with others."""

TESTS = Path(__file__).parent
SHARED = TESTS.parent / ".." / "shared"


@pytest.fixture(autouse=True, scope="session")
def own_state(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Lorasweep's per-user state goes to a temporary folder instead of the home directory."""
    os.environ["XDG_STATE_HOME"] = str(tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; a test that stops it must start it again."""
    reason = Postgres.missing()
    if reason:
        pytest.skip(reason)
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folders of real chains and a real ESM-2, if this checkout has them."""
    if not SHARED.is_dir():
        pytest.skip(f"real data and models are not here ({SHARED} is absent)")
    return SHARED.resolve()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """From here on garbage is collected, without looking through what was imported."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Slow tests start workers in fresh interpreters, as the product does."""
    workers.fork_them(really=item.get_closest_marker("slow") is None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--torch-free`` fails a run that has imported torch."""
    parser.addoption("--torch-free", action="store_true", help="fail if torch was imported")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark integration tests; the files that start servers run first."""
    for item in items:
        if item.path.relative_to(TESTS).parts[0] in INTEGRATION:
            item.add_marker(pytest.mark.integration)
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW))
    items.sort(key=lambda item: STARTED_ONCE.isdisjoint(getattr(item, "fixturenames", ())))


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """With ``-n`` a file's tests share a process and its fixtures; so do folders of servers.

    pytest 9 ignores the groups of ``--dist loadgroup``, which xdist writes into a test's id.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        folder = path.removeprefix("tests/").split("/", 1)[0]
        return folder if folder in STARTED_ONCE_FOLDERS else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """The scheduler of a run with ``-n``."""
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a ``--torch-free`` run that has imported torch."""
    if session.config.getoption("--torch-free") and "torch" in sys.modules:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\na test imported torch: it is none of the fast ones")
