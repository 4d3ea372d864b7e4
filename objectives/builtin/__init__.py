"""Base models shipped with the package, so that a sweep runs without a network."""

from __future__ import annotations

from pathlib import Path

from sweep.errors import SpecError, fault

NAMES = ("esm2-mini",)  # names of the embedded base models, given as ``builtin:NAME``


def path(name: str) -> Path:
    """Return the folder of an embedded base, for ``from_pretrained``.

    Args:
        name: one of ``NAMES``.

    Raises:
        SpecError: if there is no embedded base of this name.
    """
    if name not in NAMES:
        rule = f"be one of the embedded bases {', '.join(NAMES)}"
        way_out = "Give a folder or a Hub id to use another ESM-2"
        raise SpecError(fault("base", rule, name, way_out=way_out))
    return Path(__file__).parent / name.replace("-", "_")
