"""Train, validation and test splits of chains, and the steps that make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from objectives.data.chain import Chain
from objectives.data.errors import SHOWN, Dropped, RecordErrors
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.options import DataOptions
from sweep.errors import DataError, fault

_HALF = 0.5
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Splits:
    """The chains of the train, validation and test splits."""

    train: Sequence[Chain]  # chains to train on
    validation: Sequence[Chain] | None = None  # trials are scored on it; None if absent
    test: Sequence[Chain] | None = None  # for the best trial only; None if absent

    def given(self) -> dict[str, Sequence[Chain]]:
        """Split name to chains, without the splits that are None."""
        pairs = ((name, getattr(self, name)) for name in SPLITS)
        return {name: chains for name, chains in pairs if chains is not None}

    def count(self) -> int:
        """Number of chains in all splits."""
        return sum(len(chains) for chains in self.given().values())

    def map(self, change: Callable[[str, Sequence[Chain]], Sequence[Chain]]) -> Splits:
        """New splits: ``change`` applied to the name and chains of each."""
        return Splits(**{name: change(name, chains) for name, chains in self.given().items()})


def drop_long(splits: Splits, max_residues: int | None) -> tuple[Splits, int]:
    """Drop chains longer than ``max_residues`` from every split; None drops none.

    Returns:
        The remaining splits, and the number of chains dropped.
    """
    if max_residues is None:
        return splits, 0
    kept = splits.map(lambda _, chains: [c for c in chains if len(c.sequence) <= max_residues])
    return kept, splits.count() - kept.count()


def carve(
    chains: Sequence[Chain], clusters: np.ndarray, *, fraction: float, seed: int
) -> tuple[list[Chain], list[Chain]]:
    """Split off validation chains by whole clusters, up to a share of the residues.

    Clusters are taken in a seeded random order; one that would exceed the share is skipped, so
    that the share is met closely whatever the cluster sizes. If a few clusters hold nearly all
    residues, this would move most other clusters to validation and leave only those few for
    training; then the share also limits the number of clusters.

    Args:
        chains: the chains to split.
        clusters: cluster number of each chain, shape ``(len(chains),)``.
        fraction: share of the residues for validation, in (0, 1).
        seed: of the random order.

    Returns:
        Train and validation chains, each in the given order.

    Raises:
        DataError: if there are fewer than two clusters.
    """
    lengths = np.array([len(chain.sequence) for chain in chains], dtype=np.int64)
    numbers, membership = np.unique(clusters, return_inverse=True)
    if len(numbers) <= 1:
        rule = "hold at least two clusters of unlike sequences, so that one can validate"
        way_out = "Add sequences, or give a validation split of your own"
        raise DataError(fault("train", rule, len(numbers), way_out=way_out))
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
    """Select at most ``most`` clusters in an order, skipping those that would exceed ``target``."""
    taken, total = np.zeros(len(sizes), dtype=bool), 0.0
    for number in order:
        if total + sizes[number] <= target and taken.sum() < most:
            taken[number] = True
            total += sizes[number]
    return taken


def cap(splits: Splits, options: DataOptions) -> Splits:
    """Subsample each split that has more chains than its limit; seeded."""
    caps = {
        "train": options.train_chains,
        "validation": options.validation_chains,
        "test": options.test_chains,
    }

    def subsample(name: str, chains: Sequence[Chain]) -> Sequence[Chain]:
        limit = caps[name]
        if limit is None or len(chains) <= limit:
            return chains
        random = np.random.default_rng([options.data_seed, SPLITS.index(name)])
        kept = np.sort(random.permutation(len(chains))[:limit])
        return [chains[index] for index in kept]

    return splits.map(subsample)


def drop_contradictions(chains: Sequence[Chain], problems: RecordErrors) -> list[Chain]:
    """Merge the sites of one chain and ligand, and drop records that contradict earlier ones.

    Records that list binding sites are merged: BioLiP has a line for each site. Records of the
    same id and ligand contradict if their sequences, or their labels of a residue, differ.

    Args:
        chains: the records of one split.
        problems: collects the later record of each contradicting pair.

    Returns:
        The records that agree with every earlier one. Those of one chain and ligand that list
        sites each get the sites of all of them.
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
    """Labels and sites collected from the records of one chain and ligand."""

    __slots__ = ("first", "labels", "sites")

    def __init__(self, first: Chain) -> None:
        self.first = first
        self.labels: tuple[int, ...] | None = None
        self.sites: frozenset[int] = frozenset()

    def differs(self, chain: Chain) -> str:
        """What differs in a record, ``sequence`` or ``labels``; empty if it agrees."""
        if chain.sequence != self.first.sequence:
            return "sequence"
        if chain.whole and self.labels is not None:
            return "" if chain.labels == self.labels else "labels"
        labels = chain.labels if chain.whole else self.labels
        sites = self.sites if chain.whole else _binding(chain)
        return "labels" if labels and any(labels[at] == 0 for at in sites) else ""

    def add(self, chain: Chain) -> None:
        """Add a record that agrees."""
        if not chain.whole:
            self.sites |= _binding(chain)
        elif self.labels is None:
            self.labels = chain.labels

    def united(self, chain: Chain) -> Chain:
        """The record with the labels and sites of all records of its chain and ligand."""
        labels = list(self.labels or (0,) * len(chain.sequence))
        for at in self.sites:
            labels[at] = 1
        if tuple(labels) == chain.labels:
            return chain
        binding = tuple(at for at, label in enumerate(labels) if label == 1)
        return replace(chain, labels=tuple(labels), ligands=dict.fromkeys(chain.ligands, binding))


def _binding(chain: Chain) -> frozenset[int]:
    return frozenset(at for at, label in enumerate(chain.labels) if label == 1)


def mask_dropped(splits: Splits, dropped: Sequence[Dropped], kind: LabelKind = BINDING) -> Splits:
    """Mask residues whose label depends on a dropped record.

    A dropped record may have listed binding residues, so that "not binding" in other records of
    its chain is not certain: those residues become unknown. If the dropped record's sites
    are known, only these residues are masked.

    Args:
        splits: the valid records.
        dropped: the records that are left out.
        kind: of the labels; nothing is masked if they do not follow from sites.
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
            if labels[at] == kind.absent:
                labels[at] = kind.unknown
        return replace(chain, labels=tuple(labels))

    if not dropped or not kind.takes_sites:
        return splits
    return splits.map(lambda _, chains: [masked(chain) for chain in chains])


def merge_identical(chains: Sequence[Chain], kind: LabelKind = BINDING) -> list[Chain]:
    """Merge the chains that have the same sequence.

    Of binding sites, a residue binds if any record labels it so, and is unknown only if it is
    unknown in all; the sites of all ligands are kept. Otherwise the same residue could be labelled
    as binding in one ligand's file and as not binding in another's.

    Args:
        chains: of one split.
        kind: of the labels.

    Returns:
        One chain per sequence, in order of first appearance.

    Raises:
        DataError: with all contradictions between records of one sequence.
    """
    groups: dict[str, list[Chain]] = {}
    for chain in chains:
        groups.setdefault(chain.sequence, []).append(chain)
    merged: list[Chain] = []
    faults: list[str] = []
    for group in groups.values():
        try:
            merged.append(group[0] if len(group) == 1 else _unite(group, kind))
        except DataError as error:
            faults += error.faults
    if faults:
        more = [f"and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
        raise DataError([*faults[:SHOWN], *more])
    return merged


def _unite(group: Sequence[Chain], kind: LabelKind) -> Chain:
    """One chain with the first record's id, and the labels and ligands of all."""
    ligands: dict[str, set[int]] = {}
    for chain in group:
        for name, positions in chain.ligands.items():
            ligands.setdefault(name, set()).update(positions)
    return Chain(
        id=group[0].id,
        sequence=group[0].sequence,
        labels=kind.unite(group),
        ligands={name: tuple(sorted(positions)) for name, positions in ligands.items()},
        source=group[0].source,
        family="; ".join(dict.fromkeys(chain.family for chain in group if chain.family)),
        translated=any(chain.translated for chain in group),
    )


def drop_overlap(splits: Splits) -> tuple[Splits, int]:
    """Drop chains whose sequence is also in a later split (train < validation < test).

    Returns:
        Splits without common sequences, and the number of chains dropped.
    """
    held_out: set[str] = set()
    kept: dict[str, Sequence[Chain]] = {}
    for name, chains in reversed(splits.given().items()):
        kept[name] = [chain for chain in chains if chain.sequence not in held_out]
        held_out.update(chain.sequence for chain in chains)
    disjoint = Splits(**kept)
    return disjoint, splits.count() - disjoint.count()
