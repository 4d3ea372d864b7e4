"""What goes wrong on demand: disks, and the files of real fine-tunes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from faults import faulty
from faults.faulty import Faults
from faults.fine_tunes import TRIALS, Database, Measured, study


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


@pytest.fixture(scope="session")
def small_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small base and small data, for copies."""
    from motif_files import write_chains
    from protein_models import save  # PyTorch takes long to import

    folder = tmp_path_factory.mktemp("inputs")
    (folder / "base").mkdir()
    save("ProtBERT", folder / "base")
    write_chains(folder / "data")
    return folder


@pytest.fixture(scope="session")
def undisturbed(small_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """What the small fine-tunes measure when nothing happens to them."""
    folder = Path(shutil.copytree(small_inputs, tmp_path_factory.mktemp("plain") / "home"))
    database = Database(folder / "study.db")
    database.run(study(folder))
    assert len(database.adapters()) == TRIALS
    return database.measured()
