"""Group chains that must not be divided between train and validation: clusters or families."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from objectives.data.chain import Chain
from objectives.data.options import DataOptions
from objectives.data.similarity.families import families_of, link_families
from objectives.data.similarity.kmers import THRESHOLD, K, cluster_numbers
from objectives.data.similarity.mmseqs import Mmseqs, find_mmseqs, require_mmseqs
from sweep.errors import DataError, fault

KMERS = "k-mers"


@dataclass(frozen=True)
class Tool:
    """The method that finds similar sequences.

    Attributes:
        program: MMseqs2; None for shared k-mers, which need only NumPy and SciPy.
        instead: why it is not the preferred method; empty if it is.
    """

    program: Mmseqs | None = None
    instead: str = ""

    @property
    def method(self) -> str:
        """The value of ``cluster_method`` that selects it."""
        return "kmers" if self.program is None else "mmseqs"

    @property
    def name(self) -> str:
        """Name in messages and in the cache key."""
        return KMERS if self.program is None else self.program.name


def clustering_tool(method: str) -> Tool:
    """The tool that a ``cluster_method`` selects on this machine.

    Raises:
        DataError: if ``mmseqs`` was asked for and does not run here.
    """
    if method == "kmers":
        return Tool()
    if method == "mmseqs":
        return Tool(require_mmseqs())
    found = find_mmseqs()
    if isinstance(found, str):
        return Tool(instead=f"in place of MMseqs2: {found}")
    return Tool(found)


@dataclass(frozen=True)
class Grouping:
    """Groups of chains that must not be divided.

    Attributes:
        numbers: group number of each chain, from 0, shape ``(chains,)``.
        words: what the groups are, as text that follows "by whole".
        facts: the same as JSON values: ``kept_together``, ``clusters_by`` and so on.
    """

    numbers: np.ndarray
    words: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def sizes(self) -> np.ndarray:
        """Number of chains of each group, shape ``(groups,)``."""
        return np.bincount(self.numbers)


def group(chains: Sequence[Chain], options: DataOptions, tool: Tool) -> Grouping:
    """Group the training chains as set by the options.

    Raises:
        DataError: if ``split_by`` is ``family`` and no chain has a family.
    """
    sequences = [chain.sequence for chain in chains]
    facts: dict[str, Any] = {"kept_together": options.split_by, "clusters_by": tool.name}
    if tool.program is None:
        numbers = cluster_numbers(sequences)
        how = f"linked when they share {THRESHOLD:.0%} of the shorter one's {K}-mers"
    else:
        identity, coverage = options.cluster_identity, options.cluster_coverage
        numbers = tool.program.clusters(sequences, identity, coverage)
        how = f"linked by {tool.name} at {identity:.0%} identity over {coverage:.0%} of both"
        facts |= {"identity": identity, "coverage": coverage}
    if tool.instead:
        how += f", {tool.instead}"
        facts["instead"] = tool.instead
    clusters = f"clusters of similar sequences ({how})"
    if options.split_by == "cluster":
        return Grouping(numbers, clusters, facts)
    named = [families_of(chain.family) for chain in chains]
    having = sum(map(bool, named))
    if not having:
        rule = "be 'cluster' where no chain has a family"
        way_out = "Families are read from UniProt's column 'Protein families', or from 'family'"
        raise DataError(fault("split_by", rule, options.split_by, way_out=way_out))
    facts |= {"families": len(set().union(*named)), "chains_without_family": len(chains) - having}
    words = f"protein families and {clusters}; {having} of {len(chains)} chains name a family"
    return Grouping(link_families([chain.family for chain in chains], numbers), words, facts)
