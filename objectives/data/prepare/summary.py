"""What the data turned out to be: the figures that people and reports read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from objectives.data.chain import IGNORED, Chain


@dataclass(frozen=True)
class SplitSummary:
    """One split in figures.

    Attributes:
        chains: proteins.
        residues: residues of all chains.
        positives: residues that bind.
        positives_share: positives among the residues whose label is known.
        windows: stretches that the model reads; more than chains where some are long.
        lengths: chain length in residues at ``min``, ``q25``, ``median``, ``q75``, ``max``.
    """

    chains: int
    residues: int
    positives: int
    positives_share: float
    windows: int
    lengths: Mapping[str, int]


_LISTS = ("skipped_bad", "passed_over", "notes")


@dataclass(frozen=True)
class DataSummary:
    """All of the data in figures, ready for JSON.

    Attributes:
        splits: split name to its figures.
        ligands: ligand name to its binding residues over all splits. The order is that of
            the bits in the ``ligands`` column of the prepared windows.
        split_method: how train and validation were told apart, in words.
        clusters: how many clusters of similar sequences the training data had; None when
            the validation split was given and nothing was clustered.
        largest_cluster: chains in the largest of them.
        merged: records absorbed into another of the same sequence.
        dropped_overlap: chains dropped because a held-out split has the same sequence.
        dropped_long: chains dropped for their length.
        skipped_bad: the bad records that were left out, with file and line.
        left_open: what the source itself leaves open, counted (features of uncertain position
            and the residues masked for them).
        grouping: what the division kept together, by what method it was told, and why not by
            the one asked for; empty when the validation split was given.
        files: records by split and file, as they were read, before any was absorbed or dropped.
        passed_over: what lies in the source and is not read, with the reason.
        notes: what a person should know, and no fault.
        leakage: how much of each held-out split is related to train; see
            ``objectives.data.similarity.leakage.measure_leakage``.
    """

    splits: Mapping[str, SplitSummary]
    ligands: Mapping[str, int]
    split_method: str
    clusters: int | None
    largest_cluster: int | None
    merged: int
    dropped_overlap: int
    dropped_long: int
    skipped_bad: tuple[str, ...] = ()
    left_open: Mapping[str, int] = field(default_factory=dict)
    grouping: Mapping[str, Any] = field(default_factory=dict)
    leakage: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A tree of JSON values."""
        tree = asdict(self)
        return tree | {name: list(tree[name]) for name in _LISTS}

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> DataSummary:
        """The record that ``to_json`` wrote."""
        splits = {name: SplitSummary(**each) for name, each in tree["splits"].items()}
        lists = {name: tuple(tree.get(name, ())) for name in _LISTS}
        return cls(**{**tree, "splits": splits, **lists})


def summarise_split(chains: Sequence[Chain], windows: int) -> SplitSummary:
    """Count one split; it holds at least one chain."""
    labels = np.concatenate([np.asarray(chain.labels, dtype=np.int8) for chain in chains])
    known, positives = int((labels != IGNORED).sum()), int((labels == 1).sum())
    lengths = np.quantile(
        [len(chain.sequence) for chain in chains], [0, 0.25, 0.5, 0.75, 1], method="nearest"
    )
    names = ("min", "q25", "median", "q75", "max")
    return SplitSummary(
        chains=len(chains),
        residues=len(labels),
        positives=positives,
        positives_share=positives / known if known else 0.0,
        windows=windows,
        lengths={name: int(value) for name, value in zip(names, lengths, strict=True)},
    )


def count_ligands(splits: Mapping[str, Sequence[Chain]]) -> dict[str, int]:
    """Binding residues by ligand over all splits, in name order."""
    counts: dict[str, int] = {}
    for chains in splits.values():
        for chain in chains:
            for name, positions in chain.ligands.items():
                counts[name] = counts.get(name, 0) + len(positions)
    return dict(sorted(counts.items()))
