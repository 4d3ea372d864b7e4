"""One chain per sequence: duplicates united, and test sequences kept out of training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from objectives.data.chain import IGNORED, Chain
from objectives.data.problems import Dropped, Problems
from objectives.data.split import Splits
from sweep.errors import fault


def drop_contradictions(chains: Sequence[Chain], problems: Problems) -> list[Chain]:
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
