"""One chain per sequence: duplicates united, and test sequences kept out of training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from objectives.data.chain import Chain
from objectives.data.problems import Problems
from objectives.data.split import Splits
from sweep.errors import fault


def drop_contradictions(chains: Sequence[Chain], problems: Problems) -> list[Chain]:
    """Take out records that repeat an id and ligand but say something else.

    Args:
        chains: the records of one split.
        problems: takes the later record of each contradicting pair.

    Returns:
        The records that agree with every earlier one.
    """
    seen: dict[tuple[str, tuple[str, ...]], Chain] = {}
    kept: list[Chain] = []
    for chain in chains:
        first = seen.setdefault((chain.id, tuple(chain.ligands)), chain)
        same_sequence = chain.sequence == first.sequence
        if same_sequence and chain.labels == first.labels:
            kept.append(chain)
            continue
        differs = "labels" if same_sequence else "sequence"
        way_out = "Keep one of them, or tell them apart by id or ligand"
        problems.add_record(
            [
                fault(
                    "record",
                    f"agree with the earlier record of the same id and ligand ({first.source})",
                    f"{chain.id}, different {differs}",
                    where=chain.source,
                    way_out=way_out,
                )
            ]
        )
    return kept


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
