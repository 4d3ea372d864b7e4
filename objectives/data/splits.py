"""Which chain trains, validates and tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from objectives.data.chain import IGNORED, Chain
from objectives.data.errors import Dropped, RecordErrors
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


def drop_contradictions(chains: Sequence[Chain], problems: RecordErrors) -> list[Chain]:
    """Unite the sites of one chain and ligand, and take out records that contradict each other.

    Records that list binding sites add to each other: BioLiP has a line for each site. Records of
    the same id and ligand with other sequences, or with another label of a residue, contradict.

    Args:
        chains: the records of one split.
        problems: takes the later record of each contradicting pair.

    Returns:
        The records that agree with every earlier one; those of one chain and ligand that list
        sites each with the sites of all.
    """
    groups: dict[tuple[str, tuple[str, ...]], _Said] = {}
    kept: list[tuple[Chain, _Said]] = []
    for chain in chains:
        said = groups.setdefault((chain.id, tuple(chain.ligands)), _Said(chain))
        differs = said.differs(chain)
        if not differs:
            said.add(chain)
            kept.append((chain, said))
            continue
        rule = f"agree with the earlier record of the same id and ligand ({said.first.source})"
        got = f"{chain.id}, different {differs}"
        way_out = "Keep one of them, or tell them apart by id or ligand"
        text = fault("record", rule, got, where=chain.source, way_out=way_out)
        binding = tuple(at for at, label in enumerate(chain.labels) if label == 1)
        problems.add_record([text], Dropped("", chain.sequence, binding))
    return [said.united(chain) if said.sites else chain for chain, said in kept]


class _Said:
    """What the records of one chain and ligand have said so far."""

    __slots__ = ("first", "labels", "sites")

    def __init__(self, first: Chain) -> None:
        self.first = first
        self.labels: tuple[int, ...] | None = None
        self.sites: frozenset[int] = frozenset()

    def differs(self, chain: Chain) -> str:
        """In what another record contradicts these; an empty text if it does not."""
        if chain.sequence != self.first.sequence:
            return "sequence"
        if chain.whole and self.labels is not None:
            return "" if chain.labels == self.labels else "labels"
        labels = chain.labels if chain.whole else self.labels
        sites = self.sites if chain.whole else _binding(chain)
        return "labels" if labels and any(labels[at] == 0 for at in sites) else ""

    def add(self, chain: Chain) -> None:
        """Take in a record that agrees."""
        if not chain.whole:
            self.sites |= _binding(chain)
        elif self.labels is None:
            self.labels = chain.labels

    def united(self, chain: Chain) -> Chain:
        """A record with all that is known of its chain and ligand."""
        labels = list(self.labels or (0,) * len(chain.sequence))
        for at in self.sites:
            labels[at] = 1
        if tuple(labels) == chain.labels:
            return chain
        binding = tuple(at for at, label in enumerate(labels) if label == 1)
        return replace(chain, labels=tuple(labels), ligands=dict.fromkeys(chain.ligands, binding))


def _binding(chain: Chain) -> frozenset[int]:
    return frozenset(at for at, label in enumerate(chain.labels) if label == 1)


def mask_dropped(splits: Splits, dropped: Sequence[Dropped]) -> Splits:
    """Make unknown what only a record that is left out could tell.

    A residue that no other record says binds may be one that the bad record named: it is not
    known not to bind. Where the bad record can be read, these are the residues that it named.

    Args:
        splits: the sound records.
        dropped: the records that are left out.
    """
    all_of = {each.sequence for each in dropped if each.sequence and each.binding is None}
    named = {each.name for each in dropped if each.name and not each.sequence}
    some_of: dict[str, set[int]] = {}
    for each in dropped:
        if each.binding is not None:
            some_of.setdefault(each.sequence, set()).update(each.binding)

    def masked(chain: Chain) -> Chain:
        whole = chain.sequence in all_of or chain.id in named
        doubtful = range(len(chain.sequence)) if whole else some_of.get(chain.sequence, ())
        if not doubtful:
            return chain
        labels = list(chain.labels)
        for at in doubtful:
            labels[at] = labels[at] or IGNORED
        return replace(chain, labels=tuple(labels))

    return splits.map(lambda _, chains: [masked(chain) for chain in chains]) if dropped else splits


def merge_identical(chains: Sequence[Chain]) -> list[Chain]:
    """Unite the chains that share a sequence.

    A residue binds if any record says so, is unknown only if no record knows it, and keeps
    the positions of every ligand. Without this the same sequence would teach "binds" in
    one ligand's file and "does not" in another's.

    Returns:
        One chain per sequence, in order of first appearance.
    """
    groups: dict[str, list[Chain]] = {}
    for chain in chains:
        groups.setdefault(chain.sequence, []).append(chain)
    return [group[0] if len(group) == 1 else _unite(group) for group in groups.values()]


def _unite(group: Sequence[Chain]) -> Chain:
    """One chain with the first record's name and every record's binding residues."""
    # IGNORED < 0 < 1, so the maximum is "known before unknown, binding before not".
    labels = np.max([chain.labels for chain in group], axis=0).tolist()
    ligands: dict[str, set[int]] = {}
    for chain in group:
        for name, positions in chain.ligands.items():
            ligands.setdefault(name, set()).update(positions)
    return Chain(
        id=group[0].id,
        sequence=group[0].sequence,
        labels=tuple(labels),
        ligands={name: tuple(sorted(positions)) for name, positions in ligands.items()},
        source=group[0].source,
        family="; ".join(dict.fromkeys(chain.family for chain in group if chain.family)),
        translated=any(chain.translated for chain in group),
    )


def drop_overlap(splits: Splits) -> tuple[Splits, int]:
    """Drop training chains that also validate or test, and validation chains that also test.

    Returns:
        The disjoint splits, and how many chains were dropped.
    """
    held_out: set[str] = set()
    kept: dict[str, Sequence[Chain]] = {}
    for name, chains in reversed(splits.given().items()):
        kept[name] = [chain for chain in chains if chain.sequence not in held_out]
        held_out.update(chain.sequence for chain in chains)
    disjoint = Splits(**kept)
    return disjoint, splits.count() - disjoint.count()
