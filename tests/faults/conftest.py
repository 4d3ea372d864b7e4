"""What goes wrong on demand: a database server, and disks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import faulty
from faults.faulty import Faults
from faults.postgres import Postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; a test that stops it starts it again before it ends."""
    reason = Postgres.missing()
    if reason:
        pytest.skip(reason)
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def faulty_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library behind ``faults``, compiled once."""
    reason = faulty.missing()
    if reason:
        pytest.skip(reason)
    return faulty.build(tmp_path_factory.mktemp("faulty"))


@pytest.fixture
def faults(faulty_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """Faults of this test's own, none yet."""
    return Faults(faulty_library, tmp_path_factory.mktemp("faults"))
