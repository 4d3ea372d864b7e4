"""Target sets: which weight matrices get an adapter, as canonical strings.

A set is written as names joined by ``+`` in any order. Its canonical form expands group names,
drops repeats and sorts: ``qkv`` and ``value+query+key`` are both ``key+query+value``. Sets are
strings because Optuna can resume no study whose choices are tuples, and its importance analysis
fails on lists. An objective says which modules of a model a name matches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sweep.errors import TargetError, fault

NOTHING = "none"
"""The empty target set: only the head is trained."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "qkv": ("query", "key", "value"),
    "attention": ("query", "key", "value", "attention.output"),
    "mlp": ("mlp.up", "mlp.down"),
    "all-linear": ("query", "key", "value", "attention.output", "mlp.up", "mlp.down"),
}
"""Group names and the matrix roles they stand for; a group is stored as its roles.

A set that holds all roles of a group equals the group. A model may therefore add a gate to ``mlp``,
use one fused matrix for ``qkv``, and add linear layers without a role to ``all-linear``.
"""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")


def canonical(targets: str, *, where: str = "") -> str:
    """The canonical form of a target set.

    Args:
        targets: names joined by ``+``, groups allowed, or ``none``.
        where: the place of the string, for the error message.

    Returns:
        Sorted, unique, group-free names joined by ``+``; ``none`` for the empty set.

    Raises:
        TargetError: if the string is not a list of names.

    Example:
        >>> canonical("value+qkv")
        'key+query+value'
    """
    # A study file may hold a list or a number here.
    names = [name.strip() for name in targets.split("+")] if isinstance(targets, str) else [""]
    bad = [name for name in names if not _NAME.fullmatch(name)]
    if bad or (NOTHING in names and len(names) > 1):
        raise TargetError(
            fault(
                "a target set",
                "be names of matrices joined by '+', or 'none' alone",
                targets,
                where=where,
                way_out="For example 'query+value', 'qkv', 'attention+mlp.down' or 'all-linear'",
            )
        )
    expanded = {member for name in names for member in GROUPS.get(name, (name,))}
    return "+".join(sorted(expanded))


def members(targets: str) -> tuple[str, ...]:
    """The names in a target set, groups expanded, in canonical order; empty for ``none``."""
    text = canonical(targets)
    return () if text == NOTHING else tuple(text.split("+"))
