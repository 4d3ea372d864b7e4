"""Inputs that lie elsewhere on this machine than the study says, and what the study calls them.

A worker on another machine may read a copy of its own. What is written down of a trial names the
input as the user did, or results would depend on where they were computed.
"""

from __future__ import annotations

from collections.abc import Mapping

_given: dict[str, str] = {}


def register_alias(places: Mapping[str, str]) -> None:
    """Note, once per worker process, where copies lie.

    Args:
        places: what the user wrote, by the path that is read here in its place.
    """
    _given.update(places)


def user_path(path: str) -> str:
    """What the user wrote for an input that is read at a path.

    Example:
        >>> as_given("facebook/esm2_t6_8M_UR50D")
        'facebook/esm2_t6_8M_UR50D'
    """
    return _given.get(path, path)
