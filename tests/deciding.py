"""An objective whose number of steps depends on the machine, simulated by a variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from objectives.synthetic import Synthetic
from sweep.study.objective import ObjectiveInfo

MACHINE = "LORASWEEP_TEST_MACHINE"
"""The environment variable: the number of steps that this machine would choose."""


class Deciding(Synthetic):
    """``Synthetic`` that chooses ``steps`` by machine if the study does not set it."""

    def __init__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
        super().__init__(settings, inputs)
        self._open = "steps" not in settings

    def facts(self) -> ObjectiveInfo:
        """Facts with the machine's choice, if it made one."""
        pinned = {"steps": int(os.environ[MACHINE])} if self._open else {}
        return replace(super().facts(), pinned=pinned)
