"""The words that stand for a value that is missing."""

from __future__ import annotations

import re

_WORDS = frozenset(
    {"nan", "none", "null", "na", "n/a", "n.a.", "<na>", "#n/a", "-", "--", ".", "?"}
    | {"unknown", "missing", "unavailable", "not available", "not found", "not given", "undefined"}
)
"""As pandas, R, SQL, spreadsheets and people write it, in lower case."""

_PROSE = frozenset(
    {"sequence", "protein", "unavailable", "available", "found", "missing", "unknown", "retrieved"}
)
"""Words of which databases make sentences in place of a sequence (``Sequence unavailable``)."""


def is_missing(text: str) -> bool:
    """Whether a text says that there is no value; an empty one does."""
    return not text or (len(text) <= len("not available") and text.strip().lower() in {"", *_WORDS})


def is_prose(text: str) -> bool:
    """Whether a text of several words speaks of a sequence instead of being one."""
    words = re.split(r"[^a-z]+", text.lower())
    return len(words) > 1 and not _PROSE.isdisjoint(words)
