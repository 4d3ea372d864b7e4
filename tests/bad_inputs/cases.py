"""All bad inputs whose error message is pinned."""

from __future__ import annotations

from bad_inputs.case import Case
from bad_inputs.command_lines import COMMAND_LINES, STUDY_FILES
from bad_inputs.inputs import INPUTS
from bad_inputs.specs import SPECS
from bad_inputs.storages import STORAGES

CASES: tuple[Case, ...] = (*COMMAND_LINES, *STUDY_FILES, *SPECS, *STORAGES, *INPUTS)
