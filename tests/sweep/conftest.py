import logging

import optuna
import pytest

from sweep import Choice, Space, StudySpec, TargetSets
from sweep.storage.url import StorageUrl


@pytest.fixture(autouse=True)
def quiet_optuna_logs() -> None:
    """Optuna's line per trial belongs in no test report."""
    optuna.logging.set_verbosity(logging.WARNING)


@pytest.fixture
def spec() -> StudySpec:
    """A small study over a finite space, two seeds per configuration."""
    return StudySpec(
        name="small",
        objective="objectives.synthetic:Synthetic",
        space=Space(
            {
                "rank": Choice(1, 2, 4, 8),
                "alpha": Choice(1, 2, 4),
                "targets": TargetSets("qkv", "query+value", "all-linear"),
            }
        ),
        settings={"function": "surface"},
    )


@pytest.fixture
def url(tmp_path: object) -> str:
    """A SQLite file of this test's own."""
    return f"sqlite:///{tmp_path}/study.db"


@pytest.fixture
def address(url: str) -> StorageUrl:
    """The same, parsed."""
    return StorageUrl.parse(url)
