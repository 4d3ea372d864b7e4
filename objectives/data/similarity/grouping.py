"""Group chains that must not be divided between train and validation: clusters or families."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from objectives.data.chain import Chain
from objectives.data.options import DataOptions
from objectives.data.protein import is_missing
from objectives.data.similarity.kmers import THRESHOLD, K, cluster_numbers
from objectives.data.similarity.mmseqs import Mmseqs, find_mmseqs, require_mmseqs
from sweep.errors import DataError, fault

KMERS = "k-mers"

_LEVELS = re.compile(r"(?<=family),\s+")  # names contain commas too (``1,4-alpha-glucan``)
_LEAD = re.compile(r"^belongs to the\s+", re.IGNORECASE)
_NO_FAMILY = frozenset(
    {"unclassified", "unassigned", "not assigned", "uncharacterized", "uncharacterised"}
    | {"orphan", "singleton", "other", "others", "no family", "unknown family", "no hit", "no hits"}
)
"""Words for no family, besides those for a missing value."""

_SECTION = re.compile(r"^in the .*section$", re.IGNORECASE)


def families_of(text: str) -> tuple[str, ...]:
    """The widest level of each family in UniProt's column ``Protein families``, in lower case.

    A family is written with its levels, widest first: ``Protein kinase superfamily, CAMK Ser/Thr
    protein kinase family, DAPK subfamily``; several families are separated by ``;``. The widest,
    because two subfamilies of one superfamily are homologous. Words for a missing family (``NA``,
    ``unclassified``) are ignored, as they would link all chains without one.

    Example:
        >>> families_of("Peptidase A1 family; GHMP kinase family, GalK subfamily")
        ('peptidase a1 family', 'ghmp kinase family')
    """
    parts = (_LEAD.sub("", part.strip()) for part in text.split(";"))
    widest = (_LEVELS.split(part, maxsplit=1)[0].strip() for part in parts)
    named = (w.lower() for w in widest if not is_missing(w) and not _SECTION.match(w))
    return tuple(dict.fromkeys(w for w in named if w not in _NO_FAMILY))


def link_families(families: Sequence[str], clusters: np.ndarray) -> np.ndarray:
    """Merge clusters of similar sequences that share a family.

    Groups are connected components: two chains are in one group if they share a family or a
    cluster, directly or through others. A chain without a family is in its cluster's group.

    Args:
        families: family text of each chain, empty if unknown.
        clusters: cluster number of each chain, shape ``(len(families),)``, from 0.

    Returns:
        A group number per chain, shape ``(len(families),)``.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(families)
    numbers: dict[str, int] = {}
    rows, nodes = list(range(count)), (clusters + count).tolist()
    first = count + int(clusters.max(initial=-1)) + 1
    for chain, text in enumerate(families):
        for name in families_of(text):
            rows.append(chain)
            nodes.append(first + numbers.setdefault(name, len(numbers)))
    size = first + len(numbers)
    links = coo_matrix((np.ones(len(rows)), (rows, nodes)), shape=(size, size))
    components = connected_components(links, directed=False)[1][:count]
    return np.unique(components, return_inverse=True)[1]


@dataclass(frozen=True)
class Tool:
    """The method that finds similar sequences."""

    program: Mmseqs | None = None  # None for shared k-mers, which need only NumPy and SciPy
    instead: str = ""  # why it is not the preferred method; empty if it is

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
    """Groups of chains that must not be divided."""

    numbers: np.ndarray  # group number of each chain, from 0, shape ``(chains,)``
    words: str  # what the groups are, as text that follows "by whole"
    facts: dict[str, Any] = field(default_factory=dict)  # as JSON values

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
