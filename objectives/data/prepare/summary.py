"""Statistics of the prepared data, for messages and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from objectives.data.chain import IGNORED, Chain
from objectives.data.labels.binding_sites import BINDING, BindingSites
from objectives.data.labels.kind import LabelKind


@dataclass(frozen=True)
class SplitSummary:
    """Statistics of one split."""

    chains: int  # number of chains
    residues: int  # residues of all chains
    positives: int | None  # binding residues; None for labels of another kind
    # share of positives among the residues with a known label, likewise
    positives_share: float | None
    windows: int  # model inputs; more than chains if some are longer than the model's limit
    lengths: Mapping[str, int]  # of chains, at ``min``, ``q25``, ``median``, ``q75`` and ``max``
    labels: Mapping[str, Any] = field(default_factory=dict)  # see ``LabelKind.counts``


_LISTS = ("skipped_bad", "passed_over", "notes")
_BY_KIND = ("labels", "positives", "positives_share")


@dataclass(frozen=True)
class DataSummary:
    """Statistics of all data, convertible to JSON."""

    splits: Mapping[str, SplitSummary]  # split name to its statistics
    ligands: Mapping[str, int]  # name to binding residues, in the order of the windows' bits
    split_method: str  # how train and validation were separated, as text
    clusters: int | None  # of similar training sequences; None for a given validation split
    largest_cluster: int | None  # chains in the largest cluster
    merged: int  # records merged into another of the same sequence
    dropped_overlap: int  # chains dropped because a held-out split has the same sequence
    dropped_long: int  # chains dropped because of their length
    skipped_bad: tuple[str, ...] = ()  # the bad records left out, with file and line
    # number of what the source leaves undetermined, such as features of uncertain position
    left_open: Mapping[str, int] = field(default_factory=dict)
    # how chains were kept together, and why not as asked for; empty for a given validation split
    grouping: Mapping[str, Any] = field(default_factory=dict)
    leakage: Mapping[str, Any] = field(default_factory=dict)  # see ``measure_leakage``
    files: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # records read
    passed_over: tuple[str, ...] = ()  # files of the source that are not read, with the reason
    notes: tuple[str, ...] = ()  # remarks for the user that are no errors
    labels: Mapping[str, Any] = field(default_factory=dict)  # see ``LabelKind.facts``

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON values, without what its kind of label does not have."""
        tree = asdict(self)
        for part in (tree, *tree["splits"].values()):
            for name in _BY_KIND:
                if name in part and not part[name] and part[name] != 0:
                    del part[name]
        return tree | {name: list(tree[name]) for name in _LISTS}

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> DataSummary:
        """The summary from what ``to_json`` returned."""
        none = {"positives": None, "positives_share": None}
        splits = {name: SplitSummary(**{**none, **each}) for name, each in tree["splits"].items()}
        lists = {name: tuple(tree.get(name, ())) for name in _LISTS}
        return cls(**{**tree, "splits": splits, **lists})


def summarise_split(
    chains: Sequence[Chain], windows: int, kind: LabelKind = BINDING
) -> SplitSummary:
    """Statistics of one split, which must have at least one chain."""
    positives = share = None
    if isinstance(kind, BindingSites):
        labels = kind.encode(chains, {})
        known, positives = int((labels != IGNORED).sum()), int((labels == 1).sum())
        share = positives / known if known else 0.0
    lengths = np.quantile(
        [len(chain.sequence) for chain in chains], [0, 0.25, 0.5, 0.75, 1], method="nearest"
    )
    names = ("min", "q25", "median", "q75", "max")
    return SplitSummary(
        chains=len(chains),
        residues=sum(len(chain.sequence) for chain in chains),
        positives=positives,
        positives_share=share,
        windows=windows,
        lengths={name: int(value) for name, value in zip(names, lengths, strict=True)},
        labels=kind.counts(chains),
    )


def count_ligands(splits: Mapping[str, Sequence[Chain]]) -> dict[str, int]:
    """Binding residues by ligand over all splits, in name order."""
    counts: dict[str, int] = {}
    for chains in splits.values():
        for chain in chains:
            for name, positions in chain.ligands.items():
                counts[name] = counts.get(name, 0) + len(positions)
    return dict(sorted(counts.items()))
