"""Studies as a driver that just started opens them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sweep import StudySpec
from sweep.driver.trial_store import Ledger
from sweep.storage.guard import take
from sweep.storage.studies import create_or_resume, write_spec
from sweep.storage.url import Address
from sweep.study.objective import Facts

Open = Callable[[StudySpec], Ledger]


@pytest.fixture
def open_ledger(address: Address) -> Open:
    """Make or resume a study and take it."""

    def opened(spec: StudySpec) -> Ledger:
        study = create_or_resume(address, spec, Facts())
        owner = take(study, address)
        write_spec(study, spec, Facts())
        return Ledger(study, spec, address, owner)

    return opened
