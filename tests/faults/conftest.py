"""Fixtures of fault tests: faulty disks, and the inputs of real fine-tunes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from faults import faulty
from faults.faulty import Faults
from faults.fine_tunes import TRIALS, Database, Measured, study


@pytest.fixture(scope="session")
def faulty_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fault-injection library behind ``faults``, compiled once."""
    reason = faulty.missing()
    if reason:
        pytest.skip(reason)
    return faulty.build(tmp_path_factory.mktemp("faulty"))


@pytest.fixture
def faults(faulty_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Faults:
    """Injectable disk faults, none active yet."""
    return Faults(faulty_library, tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="session")
def small_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small base model and small data, to be copied."""
    from motif_files import write_chains
    from protein_models import save  # importing PyTorch takes long

    folder = tmp_path_factory.mktemp("inputs")
    (folder / "base").mkdir()
    save("ProtBERT", folder / "base")
    write_chains(folder / "data")
    return folder


@pytest.fixture(scope="session")
def undisturbed(small_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Results of the small fine-tunes without faults."""
    folder = Path(shutil.copytree(small_inputs, tmp_path_factory.mktemp("plain") / "home"))
    database = Database(folder / "study.db")
    database.run(study(folder))
    assert len(database.adapters()) == TRIALS
    return database.measured()
