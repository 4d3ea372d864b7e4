"""An objective that leaves a setting to the machine, which a variable of the environment plays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from objectives.synthetic import Synthetic
from sweep.study.objective import ObjectiveInfo

MACHINE = "LORASWEEP_TEST_MACHINE"
"""The variable: in how many steps this machine would make a trial."""


class Deciding(Synthetic):
    """``Synthetic``, whose ``steps`` the machine decides where the study does not."""

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        super().__init__(settings, inputs)
        self._open = "steps" not in settings

    def facts(self) -> ObjectiveInfo:
        """With the machine's decision, if there was one to make."""
        pinned = {"steps": int(os.environ[MACHINE])} if self._open else {}
        return replace(super().facts(), pinned=pinned)
