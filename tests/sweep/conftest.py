import logging
from collections.abc import Iterator

import optuna
import pytest

from sweep import Choice, Space, StudySpec, TargetSets
from sweep.analysis.experiment_design import balanced
from sweep.storage.url import StorageUrl
from sweep.study.design import Design, Point


@pytest.fixture(autouse=True)
def quiet_optuna_logs() -> None:
    """Suppress Optuna's line per trial in test reports."""
    optuna.logging.set_verbosity(logging.WARNING)


@pytest.fixture(autouse=True, scope="session")
def designs_are_laid_out_once() -> Iterator[None]:
    """Cache designs by their arguments, since balancing one takes a second."""
    made: dict[str, tuple[Point, ...]] = {}
    lay_out = balanced.balanced_points

    def once(space: Space, design: Design) -> tuple[Point, ...]:
        key = repr((space, design))
        if key not in made:
            made[key] = lay_out(space, design)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(balanced, "balanced_points", once)
        yield


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
    """The URL of this test's SQLite file."""
    return f"sqlite:///{tmp_path}/study.db"


@pytest.fixture
def address(url: str) -> StorageUrl:
    """The same, parsed."""
    return StorageUrl.parse(url)
