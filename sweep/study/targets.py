"""Target sets as canonical strings: which weight matrices an adapter touches.

A set is written as names joined by ``+`` in any order; its canonical form expands
the group names, drops repeats and sorts: ``qkv`` and ``value+query+key`` are both
``key+query+value``. Strings, because Optuna's SQLite storage cannot resume a study
whose choices are tuples, and its importance fails on lists.

What a name *matches* is the model's business (``objectives``); this module only
knows the grammar.
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
"""Group names and the roles they stand for, which is how a group is stored: its members together
are the group. So a model may give ``mlp`` a gate, too, ``qkv`` one fused matrix, and ``all-linear``
the linear layers that have none of these roles."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*")


def canonical(targets: str, *, where: str = "") -> str:
    """Put a target set into its one canonical form.

    Args:
        targets: names joined by ``+``, groups allowed, or ``none``.
        where: what holds the string, for the error message.

    Returns:
        Sorted, unique, group-free names joined by ``+``; ``none`` for the empty set.

    Raises:
        TargetError: if the string is not a list of names.

    Example:
        >>> canonical("value+qkv")
        'key+query+value'
    """
    # Also what a study file may hold in its place: a list, a number.
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
