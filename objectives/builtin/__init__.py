"""Bases embedded in the package, so that a sweep runs on a fresh machine without a network."""

from __future__ import annotations

from pathlib import Path

from sweep.errors import SpecError, fault

NAMES = ("esm2-mini",)
"""Names accepted wherever a base model is asked for."""


def path(name: str) -> Path:
    """Return the folder of an embedded base, for ``from_pretrained``.

    Args:
        name: one of ``NAMES``.

    Raises:
        SpecError: no such base is embedded.
    """
    if name not in NAMES:
        raise SpecError(
            fault(
                "base",
                f"be one of the embedded bases {', '.join(NAMES)}",
                name,
                way_out="Give a folder or a Hub id to use another ESM-2",
            )
        )
    return Path(__file__).parent / name.replace("-", "_")
