"""Which chain trains, validates and tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from objectives.data.chain import Chain
from objectives.data.options import DataOptions
from sweep.errors import DataError, fault

_HALF = 0.5
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Splits:
    """Chains by what they are for.

    Attributes:
        train: chains to learn from.
        validation: chains that trials are scored on; None when the source gives none.
        test: chains for the best trial alone; None when the source gives none.
    """

    train: Sequence[Chain]
    validation: Sequence[Chain] | None = None
    test: Sequence[Chain] | None = None

    def given(self) -> dict[str, Sequence[Chain]]:
        """Split name to chains, without the splits that are not there."""
        pairs = ((name, getattr(self, name)) for name in SPLITS)
        return {name: chains for name, chains in pairs if chains is not None}

    def count(self) -> int:
        """Chains over all splits."""
        return sum(len(chains) for chains in self.given().values())

    def map(self, change: Callable[[str, Sequence[Chain]], Sequence[Chain]]) -> Splits:
        """The same splits with each one's chains changed."""
        return Splits(**{name: change(name, chains) for name, chains in self.given().items()})


def drop_long(splits: Splits, max_residues: int | None) -> tuple[Splits, int]:
    """Drop chains above a length from every split.

    Returns:
        The splits that are left, and how many chains were dropped.
    """
    if max_residues is None:
        return splits, 0
    kept = splits.map(lambda _, chains: [c for c in chains if len(c.sequence) <= max_residues])
    return kept, splits.count() - kept.count()


def carve(
    chains: Sequence[Chain], clusters: np.ndarray, *, fraction: float, seed: int
) -> tuple[list[Chain], list[Chain]]:
    """Take a share of the residues for validation, by whole clusters.

    Clusters are tried in a seeded random order; one that would exceed the share is
    passed over, so that the share is met closely whatever the cluster sizes. Where a few
    clusters hold nearly all residues, that would put every other cluster into validation and
    leave only those few to train; then validation gets no more than the same share of the
    clusters.

    Args:
        chains: the chains to divide.
        clusters: cluster number of each chain, shape ``(len(chains),)``.
        fraction: share of the residues, in (0, 1).
        seed: of the order.

    Returns:
        Train and validation chains, each in the given order.

    Raises:
        DataError: if no division leaves a chain on each side.
    """
    lengths = np.array([len(chain.sequence) for chain in chains], dtype=np.int64)
    numbers, membership = np.unique(clusters, return_inverse=True)
    if len(numbers) <= 1:
        raise DataError(
            fault(
                "train",
                "hold at least two clusters of unlike sequences, so that one can validate",
                len(numbers),
                way_out="Add sequences, or give a validation split of your own",
            )
        )
    sizes = np.bincount(membership, weights=lengths)
    order = np.random.default_rng(seed).permutation(len(numbers))
    target = fraction * lengths.sum()
    taken = _filled(order, sizes, target, most=len(numbers))
    if fraction <= _HALF and taken.mean() > _HALF:
        taken = _filled(order, sizes, target, most=max(1, round(fraction * len(numbers))))
    if not taken.any():  # every cluster is larger than the share: the smallest comes closest
        taken[order[np.argmin(sizes[order])]] = True
    chosen = taken[membership]
    train = [chain for chain, inside in zip(chains, chosen, strict=True) if not inside]
    return train, [chain for chain, inside in zip(chains, chosen, strict=True) if inside]


def _filled(order: np.ndarray, sizes: np.ndarray, target: float, *, most: int) -> np.ndarray:
    """Which clusters are taken, in an order, so that neither the target nor a number is exceeded.

    Returns:
        True for each cluster that is taken, shape ``sizes.shape``.
    """
    taken, total = np.zeros(len(sizes), dtype=bool), 0.0
    for number in order:
        if total + sizes[number] <= target and taken.sum() < most:
            taken[number] = True
            total += sizes[number]
    return taken


def cap(splits: Splits, options: DataOptions) -> Splits:
    """Keep a seeded random subsample of each split that is larger than its cap."""
    caps = {
        "train": options.train_chains,
        "validation": options.validation_chains,
        "test": options.test_chains,
    }

    def subsample(name: str, chains: Sequence[Chain]) -> Sequence[Chain]:
        limit = caps[name]
        if limit is None or len(chains) <= limit:
            return chains
        random = np.random.default_rng([options.seed, SPLITS.index(name)])
        kept = np.sort(random.permutation(len(chains))[:limit])
        return [chains[index] for index in kept]

    return splits.map(subsample)
