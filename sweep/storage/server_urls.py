"""Checks of a PostgreSQL URL: port, host, and parameters known to libpq."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

import sqlalchemy.engine

from sweep.errors import fault

_LAST_PORT = 65_535
_SEVERAL = ("host", "port")
"""Parameters that may be given more than once, for several hosts."""


def server_faults(url: sqlalchemy.engine.URL, name: str) -> Iterator[str]:
    """Every part of the URL that would be misread or ignored, described without passwords.

    Args:
        url: of a PostgreSQL server.
        name: the option that gave it, for errors.
    """
    if "@" in (url.host or ""):
        rule = "have one @, before the host"
        yield fault(name, rule, "several", way_out="Write %40 for an @ in a name or password")
    if url.port is not None and not 1 <= url.port <= _LAST_PORT:
        yield fault(name, f"have a port of 1 to {_LAST_PORT}", url.port)
    known = _parameters()
    for key, value in url.query.items():
        if known and key not in known:
            near = get_close_matches(key, known, 1)
            way_out = f"Did you mean {near[0]}" if near else "Leave it out"
            rule = "have parameters of PostgreSQL's library after the ?"
            yield fault(name, rule, key, way_out=way_out)
        elif not isinstance(value, str) and key not in _SEVERAL:
            yield fault(name, f"have {key} once", f"{len(value)} times")


def _parameters() -> frozenset[str]:
    """The parameters that libpq accepts; empty if it is not installed."""
    try:
        from psycopg.pq import Conninfo
    except ImportError:
        return frozenset()
    return frozenset(option.keyword.decode() for option in Conninfo.get_defaults())
