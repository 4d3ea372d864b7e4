"""Labels stored as class numbers with names, like ``ClassLabel`` of the library ``datasets``.

``ClassLabel(["binding", "non_binding"])`` stores binding as 0. The class names decide what a number
means; if they do not show which class binds, the labels are refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from objectives.data.chain import IGNORED
from objectives.data.errors import shown
from objectives.data.labels.binding_sites import BINDING, BindingSites
from objectives.data.labels.kind import LabelKind
from sweep.errors import fault

_BINDS = {"1", "true", "yes", "y", "positive", "pos", "p", "binding", "binder", "binds", "bind"}
_BINDS |= {"bound", "site", "interface", "interacting", "contact", "active", "functional"}
_BINDS |= {"bindingsite", "bindingresidue", "activesite", "ligandbinding", "label1", "class1"}
_BINDS |= {"+", "b"}
_NOT = {"0", "false", "no", "n", "negative", "neg", "other", "background", "none", "unbound", "o"}
_NOT |= {"nonbinder", "noninterface", "inactive", "label0", "class0", "u"}
_UNKNOWN = {"unknown", "masked", "mask", "ignore", "ignored", "unresolved", "?", "-100"}
_NEGATION = re.compile(r"^(not|non|no|un)(?=[a-z])")


def class_names(features: Mapping[str, Any]) -> dict[str, list[str]]:
    """Column to class names, also for ``ClassLabel`` within nested lists.

    Args:
        features: column to feature, as from ``Features.to_dict`` or Parquet's metadata.
    """
    found = {column: _names(feature) for column, feature in features.items()}
    return {column: names for column, names in found.items() if names}


def features_of(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    """The features that ``datasets`` stores in the metadata of a Parquet file; empty if none."""
    try:
        return dict(json.loads((metadata or {})[b"huggingface"])["info"]["features"])
    except (KeyError, TypeError, ValueError):
        return {}


def _names(feature: Any) -> list[str]:
    if isinstance(feature, list):
        return next((names for each in feature if (names := _names(each))), [])
    if not isinstance(feature, Mapping):
        return []
    if feature.get("_type") == "ClassLabel":
        names = feature.get("names") or []
        return [str(name) for name in (names.values() if isinstance(names, Mapping) else names)]
    return _names(feature.get("feature"))


def labels_by_name(names: Sequence[str]) -> dict[int, int] | None:
    """Class number to label: 1 binding, 0 not, ``IGNORED`` unknown.

    Returns:
        None if a class name is not understood, or binding and not binding do not both occur.
    """
    meaning = {number: _meaning(name, names) for number, name in enumerate(names)}
    known = {label for label in meaning.values() if label is not None}
    if None in meaning.values() or not known >= {0, 1}:
        return None
    return {number: label for number, label in meaning.items() if label is not None}


def _meaning(name: str, names: Sequence[str]) -> int | None:
    word = re.sub(r"[\s_.\-]+", "", name.lower()) or name.strip()
    if word == "-":
        return 0 if "+" in (each.strip() for each in names) else IGNORED
    if word in _UNKNOWN or name.strip() in _UNKNOWN:
        return IGNORED
    if word in _NOT or _NEGATION.sub("", word) in _BINDS - {word}:
        return 0
    return 1 if word in _BINDS else None


class ClassNames:
    """Replaces class numbers in rows by labels or class names.

    Args:
        features: see ``class_names``.
        label_column: name of the column of labels.
        kind: of the labels; the names of classes replace their numbers, except of binding sites.
    """

    def __init__(
        self, features: Mapping[str, Any], label_column: str, kind: LabelKind = BINDING
    ) -> None:
        names = class_names({key.strip().lower(): each for key, each in features.items()})
        self._label_column = label_column
        binary = isinstance(kind, BindingSites)
        self._names = names.pop(label_column, None) if binary else None
        self._labels = None if self._names is None else labels_by_name(self._names)
        self._as_they_are = self._labels == {0: 0, 1: 1}
        self._others = names

    def faults(self, where: str) -> list[str]:
        """An error if the class names of the label column do not show which class binds."""
        if self._names is None or self._labels is not None:
            return []
        rule = "be of two classes of which one is named as binding (binding and non_binding, 0, 1)"
        got = shown(", ".join(f"{at} {name!r}" for at, name in enumerate(self._names)))
        way_out = "Rename the classes, or write 1 for residues that bind and 0 for others"
        return [fault(self._label_column, rule, got, where=where, way_out=way_out)]

    def named(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row with class numbers replaced; invalid numbers lead to an error when read."""
        done = dict(row)
        for column, names in self._others.items():
            cell = done.get(column)
            done[column] = (
                [_named(each, names) for each in cell]
                if isinstance(cell, list)
                else (_named(cell, names))
            )
        cell = done.get(self._label_column)
        if self._labels is not None and not self._as_they_are and isinstance(cell, list):
            done[self._label_column] = [self._label(each) for each in cell]
        return done

    def _label(self, number: object) -> object:
        """The label of a class number; -100 always means unknown."""
        labels = self._labels or {}
        if number == IGNORED or not isinstance(number, int):
            return number
        return labels.get(number, f"{number}, which is the number of no class")


def _named(cell: object, names: Sequence[str]) -> object:
    """The name of a class number; anything else unchanged."""
    return names[cell] if isinstance(cell, int) and 0 <= cell < len(names) else cell
