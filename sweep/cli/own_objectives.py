"""What lorasweep's own objectives measure; see ``sweep.results.status.OwnObjectives``."""

from __future__ import annotations

import importlib

from sweep.results.status import OwnObjectives

DESCRIBED = "objectives.described"


def described() -> OwnObjectives:
    """The module that describes them; it imports no model library."""
    module: OwnObjectives = importlib.import_module(DESCRIBED)
    return module
