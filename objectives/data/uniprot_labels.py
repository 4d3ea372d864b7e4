"""Labels from UniProt's features: what surely binds, and what nobody can say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from objectives.data.chain import IGNORED
from objectives.data.uniprot_features import Bound, Feature

KEYS = {
    "BINDING": "",
    "ACT_SITE": "active site",
    "METAL": "metal",
    "NP_BIND": "nucleotide",
    "CA_BIND": "Ca(2+)",
    "DNA_BIND": "DNA",
}
"""The features that bind, and what they bind where they do not say."""

_NOTED = ("METAL", "NP_BIND")
"""Older features that name the ligand in their note."""

UNNAMED = "unnamed ligand"


@dataclass(frozen=True)
class Labels:
    """A sequence's labels.

    Attributes:
        labels: 1 binding, 0 not, ``IGNORED`` where a feature of uncertain ends may reach;
            one per residue.
        ligands: ligand to 0-based positions.
        uncertain: features of uncertain ends.
        elsewhere: features whose positions are those of another isoform; they label nothing.
    """

    labels: tuple[int, ...]
    ligands: Mapping[str, tuple[int, ...]]
    uncertain: int
    elsewhere: int

    @property
    def masked(self) -> int:
        """Residues of which nobody can say whether they bind."""
        return self.labels.count(IGNORED)


def label(features: Iterable[Feature], length: int) -> Labels:
    """Label a sequence.

    A residue binds if a feature of known ends covers it. Else it is unknown if one of uncertain
    ends may reach it: from ``<5`` that is all before, from ``?`` alone the whole sequence.

    Args:
        features: of the sequence.
        length: its residues.

    Raises:
        ValueError: naming the first feature that binds nothing known here, or lies outside.
    """
    bound: dict[str, set[int]] = {}
    doubtful: set[int] = set()
    uncertain = elsewhere = 0
    for feature in features:
        if feature.key not in KEYS:
            raise ValueError(f"{feature.key} {feature.place}")
        if feature.isoform:
            elsewhere += 1
            continue
        if any(b.at is not None and b.at > length for b in (feature.start, feature.end)):
            raise ValueError(f"{feature.key} {feature.place}")
        reach = set(range(_earliest(feature.start) - 1, _latest(feature.end, length)))
        if feature.certain:
            bound.setdefault(ligand_of(feature), set()).update(reach)
        else:
            uncertain += 1
            doubtful |= reach
    labels = [0] * length
    for at in doubtful:
        labels[at] = IGNORED
    for at in set().union(*bound.values()):
        labels[at] = 1
    ligands = {name: tuple(sorted(found)) for name, found in bound.items()}
    return Labels(tuple(labels), ligands, uncertain, elsewhere)


def ligand_of(feature: Feature) -> str:
    """What binds there, in the feature's own words."""
    said = feature.qualifiers.get("ligand") or (
        feature.qualifiers.get("note", "") if feature.key in _NOTED else ""
    )
    return said.strip() or KEYS[feature.key] or UNNAMED


def _earliest(start: Bound) -> int:
    """The first residue that a start may be; all before ``at`` where it lies before it."""
    return 1 if start.at is None or start.doubt == "<" else start.at


def _latest(end: Bound, length: int) -> int:
    """The last residue that an end may be."""
    return length if end.at is None or end.doubt == ">" else end.at
