"""Leakage: the share of held-out chains that are similar to a training chain.

A held-out chain counts at a level if some training chain has at least that sequence identity with
it. With MMseqs2 this is the identity of a local alignment that covers 80 % of the shorter chain
(E-value below 0.001, default sensitivity). Without MMseqs2 it is estimated from shared 5-mers:
after independent substitutions a share ``p ** 5`` of the 5-mers remains at identity ``p``, 59 % at
90 %. At 50 % this would be 3 %, which also occurs by chance, so the threshold is 5 %. Lower
identities cannot be estimated from k-mers.

Accuracy of the estimate, on the TargetS data (Yu et al. 2013; 3 540 training, 652 validation and
727 test chains of the default split): at 90 % it counts 53 test chains where MMseqs2 counts 51, all
of them among the 53; at 50 % it counts 114 where MMseqs2 counts 90 (88 of them in both), and 21
validation chains where MMseqs2 counts 5. So it overestimates. At 30 % there is no estimate, while
MMseqs2 finds 38 % of the test and 35 % of the validation chains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from objectives.data.similarity.grouping import Tool
from objectives.data.similarity.kmers import K, related
from objectives.data.similarity.mmseqs import Mmseqs
from objectives.data.splits import Splits

LEVELS = (0.9, 0.5, 0.3)  # sequence identities at which leakage is reported
COVERED = 0.8  # least share of the shorter chain that an alignment must cover
_KMER_SHARES = {0.9: 0.9**5, 0.5: 0.05}  # identity to the share of k-mers that estimates it
Reached = Mapping[float, np.ndarray]  # level to a mask of the queries that reach it, (queries,)
QUICK = 20_000  # most chains compared by k-mers by default, in about a second per 5 000


def measure_leakage(splits: Splits, tool: Tool) -> dict[str, Any]:
    """Measure which share of the held-out chains is similar to a training chain.

    Args:
        splits: train, and validation or test or both.
        tool: the method that finds similar sequences.

    Returns:
        ``method`` as text, and for each held-out split ``chains`` (their number) and the shares
        ``identical``, ``identity_90``, ``identity_50`` and ``identity_30``: cumulative, None if
        the method cannot estimate it.
    """
    held_out = {name: c for name, c in splits.given().items() if name != "train" and c}
    train = [chain.sequence for chain in splits.train]
    queries = [chain.sequence for chains in held_out.values() for chain in chains]
    known = set(train)
    same = np.array([query in known for query in queries], dtype=bool)
    program = tool.program
    levels = _by_kmers(queries, train) if program is None else _by_mmseqs(queries, train, program)
    measured: dict[str, Any] = {"method": _words(tool)}
    start = 0
    for name, chains in held_out.items():
        part = slice(start, start + len(chains))
        start += len(chains)
        measured[name] = {"chains": len(chains), "identical": float(same[part].mean())}
        for level in LEVELS:
            reached = levels.get(level)
            share = None if reached is None else float((reached | same)[part].mean())
            measured[name][f"identity_{round(100 * level)}"] = share
    return measured


def leakage_at_hand(splits: Splits, tool: Tool) -> dict[str, Any]:
    """Measure leakage unless k-mers would take long; then ``method`` names the command to run."""
    if tool.program is None and splits.count() > QUICK:
        return {
            "method": f"not measured for more than {QUICK:,} chains; lorasweep data describe does"
        }
    return measure_leakage(splits, tool)


def _words(tool: Tool) -> str:
    if tool.program is not None:
        return f"{tool.name}, local alignments over {COVERED:.0%} of the shorter chain"
    return f"estimated from shared {K}-mers, which tell nothing of 30 %" + (
        f"; {tool.instead}" if tool.instead else ""
    )


def _by_mmseqs(queries: Sequence[str], train: Sequence[str], program: Mmseqs) -> Reached:
    """Level to the queries that reach it, by alignment."""
    hits = program.search(queries, train, min(LEVELS))
    best = np.zeros(len(queries))
    whole = hits.coverage >= COVERED
    np.maximum.at(best, hits.query[whole], hits.identity[whole])
    return {level: best >= level for level in LEVELS}


def _by_kmers(queries: Sequence[str], train: Sequence[str]) -> Reached:
    """Level to the queries that reach it, for the levels that k-mers can estimate."""
    reached = related(queries, train, list(_KMER_SHARES.values()))
    return dict(zip(_KMER_SHARES, reached, strict=True))
