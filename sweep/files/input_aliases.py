"""Names that the user gave to inputs of which this machine reads a local copy.

A worker on another machine may read its own copy. Stored results name the input as the user did, so
that they do not depend on where they were computed.
"""

from __future__ import annotations

from collections.abc import Mapping

_given: dict[str, str] = {}


def register_alias(places: Mapping[str, str]) -> None:
    """Register, once per worker process, the paths of copies.

    Args:
        places: the user's name of an input, by the path that is read here instead.
    """
    _given.update(places)


def user_path(path: str) -> str:
    """The user's name of an input that is read at a path.

    Example:
        >>> user_path("some-group/some-base")
        'some-group/some-base'
    """
    return _given.get(path, path)
