"""The words that name a split, in the names of files, folders, keys and columns.

``train``, ``training``; ``valid``, ``val``, ``validation``, ``dev``, ``eval``; ``test``,
``testing``: in any case, as whole words, with ``set``, ``data`` or ``split`` behind them or not.
Words end at separators, at digits and where capitals begin: ``ATP_Training``, ``test-00000``,
``my_val_set``, ``TestSet2``; ``contest`` and ``latest`` hold none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath

from objectives.data.errors import printable
from sweep.errors import fault

_WORDS = {
    "train": "train|training",
    "validation": "valid|val|validation|dev|eval",
    "test": "test|testing",
}
UNDERSTOOD = "train or training; validation, valid, val, dev or eval; test or testing"
"""For messages."""

_ANY = "|".join(_WORDS.values())
_BEHIND = "sets?|data|dataset|split"
_WORD = re.compile(rf"({_ANY})({_BEHIND})?")
_TWO = re.compile(rf"({_ANY})({_ANY})")
_PARTS = re.compile(r"[^\W\d_]+")
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_FOLD = re.compile(
    r"(?<![^\W\d_])(folds?|cv|split)[ _.-]?\d+(?![^\W_])|(?<![^\W_])\d+[ _.-]?folds?(?![^\W\d_])"
)
_HELD_OUT = re.compile(
    r"(?<![^\W\d_])(hold[ _.-]?out|held[ _.-]?out|unseen|blind|independent|tests|tst|tuning)"
    r"(?![^\W\d_])"
)
_OTHER = re.compile(
    r"(?<![^\W\d_])(trn|devel|development|evaluation|calibration|kfolds?)(?![^\W\d_])"
)

_OWN = re.compile(
    rf"(?<![^\W\d_])(?:{_ANY})(?:[ _.-]?(?:{_BEHIND}))?(?![^\W\d_])(?:[ _.-]?(?:\d+|of(?=\W)))*",
    re.IGNORECASE,
)
"""A split's word with what belongs to it, for ``without_split``."""


def splits_in(text: str) -> list[str]:
    """The splits that a name speaks of, in order; two for ``train_test`` and for ``trainval``."""
    found: list[str] = []
    for part in _PARTS.findall(text):
        for word in _HUMPS.sub(" ", part).lower().split():
            match = _WORD.fullmatch(word)
            words = [match[1]] if match else _two(word)
            found += [split for split in map(_split, words) if split not in found]
    return found


def _two(word: str) -> list[str]:
    match = _TWO.fullmatch(word)
    return [match[1], match[2]] if match else []


def _split(word: str) -> str:
    return next(split for split, words in _WORDS.items() if word in words.split("|"))


def hint_in(text: str) -> str:
    """What in a name speaks of a split and is not understood; empty if there is nothing.

    A fold or a numbered split is never understood; a word for held-out data is where the name
    says besides which split that is.
    """
    lower = text.lower()
    fold = _FOLD.search(lower)
    if fold:
        return fold[0]
    splits = splits_in(text)
    other = _HELD_OUT.search(lower)
    if other and splits in ([], ["train"]):
        return other[0]
    odd = _OTHER.search(lower)
    return odd[0] if odd and not splits else ""


def split_of(text: str) -> str | None:
    """The split that one name stands for.

    Returns:
        ``train``, ``validation`` or ``test``; empty where the name speaks of none; None where
        it speaks of several, or in words that are not understood.
    """
    if hint_in(text):
        return None
    splits = splits_in(text)
    if len(splits) > 1:
        return None
    return splits[0] if splits else ""


def split_of_file(relative: PurePath, stem: str, where: str) -> tuple[str, list[str]]:
    """The split that a file's folders and its own name say.

    Folders and file must agree, with one exception: within a folder for test, a file named
    after validation tests. So are the sets of Yu et al. 2013, which keep ``ATP_Validation.txt``
    in ``test``, and nothing that either name holds out is trained on.

    Args:
        relative: the file's path below the root.
        stem: the file's name without the suffixes of its format.
        where: the root, for messages.

    Returns:
        The split, empty where none is named, and the faults found.
    """
    folders = relative.parts[:-1]
    faults = [_not_understood(name, relative, where) for name in folders if split_of(name) is None]
    own = split_of(stem)
    if own is None:
        faults.append(_not_understood(stem, relative, where))
    if faults:
        return "", faults
    named = list(dict.fromkeys(split for name in folders if (split := split_of(name))))
    if len(named) == 1 and own and own != named[0]:
        if (named[0], own) == ("test", "validation"):
            return "test", []
        named.append(own)
    if len(named) > 1:
        rule, way_out = "name one split", "Move or rename it"
        got = f"{printable(relative.as_posix())}, which names {' and '.join(named)}"
        return "", [fault("data", rule, got, where=where, way_out=way_out)]
    return (named[0] if named else own or ""), []


def _not_understood(name: str, relative: PurePath, where: str) -> str:
    splits = splits_in(name)
    said = " and ".join(splits) if len(splits) > 1 else repr(hint_in(name))
    rule = f"name at most one split, in words that are understood ({UNDERSTOOD})"
    got = f"{printable(relative.as_posix())}, which names {said}"
    return fault("data", rule, got, where=where, way_out="Move or rename it")


def without_split(stem: str) -> str:
    """A file's name without the word for its split, the numbers behind it, and what parts them.

    Example:
        >>> without_split("train_ATP"), without_split("ATP-Training"), without_split("test_001")
        ('ATP', 'ATP', '')
    """
    rest = _OWN.sub("\0", stem)
    if "\0" not in rest and splits_in(stem):
        rest = _OWN.sub("\0", _HUMPS.sub("_", stem))
    return "_".join(part.strip(" _.-") for part in rest.split("\0")).strip("_")


def listed(values: Iterable[object], most: int = 5) -> str:
    """The first few of several values, for messages."""
    each = [str(value) for value in values]
    more = f" and {len(each) - most} more" if len(each) > most else ""
    return ", ".join(each[:most]) + more
