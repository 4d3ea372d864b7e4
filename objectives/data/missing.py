"""Words that mark a missing value, such as ``NA`` or ``null``."""

from __future__ import annotations

import re

_WORDS = frozenset(
    {"nan", "none", "null", "na", "n/a", "n.a.", "<na>", "#n/a", "-", "--", ".", "?"}
    | {"unknown", "missing", "unavailable", "not available", "not found", "not given", "undefined"}
)
"""As pandas, R, SQL, spreadsheets and people write a missing value; lower case."""

_PROSE = frozenset(
    {"sequence", "protein", "unavailable", "available", "found", "missing", "unknown", "retrieved"}
)
"""Words of the phrases that databases write for a missing sequence (``Sequence unavailable``)."""


def is_missing(text: str) -> bool:
    """Whether a text is empty or a word for a missing value."""
    return not text or (len(text) <= len("not available") and text.strip().lower() in {"", *_WORDS})


def is_prose(text: str) -> bool:
    """Whether a text of several words is a phrase about a sequence, not a sequence."""
    words = re.split(r"[^a-z]+", text.lower())
    return len(words) > 1 and not _PROSE.isdisjoint(words)
