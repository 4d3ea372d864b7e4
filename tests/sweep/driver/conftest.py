"""Studies opened as by a driver at its start."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sweep import StudySpec
from sweep.driver.run_study import points_of
from sweep.driver.trial_store import TrialStore
from sweep.storage.guard import take
from sweep.storage.studies import create_or_resume, write_spec
from sweep.storage.url import StorageUrl
from sweep.study.objective import ObjectiveInfo

Open = Callable[[StudySpec], TrialStore]


@pytest.fixture
def open_store(address: StorageUrl) -> Open:
    """Create or resume a study and become its driver."""

    def opened(spec: StudySpec) -> TrialStore:
        study = create_or_resume(address, spec, ObjectiveInfo())
        owner = take(study, address)
        write_spec(study, spec, ObjectiveInfo(), points_of)
        return TrialStore(study, spec, address, owner)

    return opened
