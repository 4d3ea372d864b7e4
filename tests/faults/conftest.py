"""What goes wrong on demand: disks."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults import faulty
from faults.faulty import Faults


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
