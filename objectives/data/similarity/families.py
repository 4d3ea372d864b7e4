"""Protein families, as given in UniProt's column ``Protein families``.

A family is written with its levels, widest first: ``Protein kinase superfamily, CAMK Ser/Thr
protein kinase family, DAPK subfamily``. The several families of a multi-domain protein are
separated by ``;``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from objectives.data.missing import is_missing

_LEVELS = re.compile(r"(?<=family),\s+")
"""Comma after a level's last word only, as names contain commas too (``1,4-alpha-glucan``)."""

_LEAD = re.compile(r"^belongs to the\s+", re.IGNORECASE)
_NO_FAMILY = frozenset(
    {"unclassified", "unassigned", "not assigned", "uncharacterized", "uncharacterised"}
    | {"orphan", "singleton", "other", "others", "no family", "unknown family", "no hit", "no hits"}
)
"""Words for no family, besides those for a missing value."""

_SECTION = re.compile(r"^in the .*section$", re.IGNORECASE)


def families_of(text: str) -> tuple[str, ...]:
    """The widest level of each family in a text, in lower case.

    The widest, because two subfamilies of one superfamily are homologous. Words for a missing
    family (``NA``, ``unclassified``) are ignored, as they would link all chains without one.

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
