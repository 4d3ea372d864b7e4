"""Recognise the split (train, validation, test) in names of files, folders, keys and columns.

``train``, ``training``; ``valid``, ``val``, ``validation``, ``dev``, ``eval``; ``test``,
``testing``: in any case, as whole words, optionally followed by ``set``, ``data`` or ``split``.
Words end at separators, at digits and where capitals begin: ``ATP_Training``, ``test-00000``,
``my_val_set`` and ``TestSet2`` name a split; ``contest`` and ``latest`` do not.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from sweep.errors import fault
from sweep.terminal.printable import printable

_WORDS = {
    "train": "train|training",
    "validation": "valid|val|validation|dev|eval",
    "test": "test|testing",
}
UNDERSTOOD = "train or training; validation, valid, val, dev or eval; test or testing"
"""The understood words, for messages."""

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
"""The word for a split with its suffix and numbers, for ``without_split``."""


def splits_in(text: str) -> list[str]:
    """The splits that a name contains, in order; two for ``train_test`` and for ``trainval``."""
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
    """The part of a name that refers to a split but is not understood; empty if there is none.

    Folds and numbered splits are never understood. Words for held-out data (``unseen``,
    ``independent``) are understood only if the name also contains validation or test, other words
    (``devel``, ``evaluation``) only if it contains any split.
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
    """The split that a name means.

    Returns:
        ``train``, ``validation`` or ``test``; empty if the name contains none; None if it
        contains several, or words that are not understood.
    """
    if hint_in(text):
        return None
    splits = splits_in(text)
    if len(splits) > 1:
        return None
    return splits[0] if splits else ""


def split_of_file(relative: PurePath, stem: str, where: str) -> tuple[str, list[str]]:
    """The split that a file's folders and its own name give.

    Folders and file must agree, with one exception: a file named after validation in a folder
    named after test belongs to test. The data of Yu et al. 2013 need it: they keep
    ``ATP_Validation.txt`` in ``test``. Either way the file is not trained on.

    Args:
        relative: the file's path below the root.
        stem: the file's name without the suffixes of its format.
        where: the root, for messages.

    Returns:
        The split, empty if none is named, and the errors found.
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
    """A file's name without the word for its split, the numbers after it and their separators.

    Example:
        >>> without_split("train_ATP"), without_split("ATP-Training"), without_split("test_001")
        ('ATP', 'ATP', '')
    """
    rest = _OWN.sub("\0", stem)
    if "\0" not in rest and splits_in(stem):
        rest = _OWN.sub("\0", _HUMPS.sub("_", stem))
    return "_".join(part.strip(" _.-") for part in rest.split("\0")).strip("_")
