"""How much of a held-out split is related to what trains.

A held-out chain counts at a level if some training chain reaches that identity with it. With
MMseqs2 that is the identity of a local alignment that covers 80 % of the shorter chain (E-value
below 0.001, its default sensitivity). Without it shared 5-mers stand in: of independent
substitutions a share ``p ** 5`` of the 5-mers survives at identity ``p``, 59 % at 90 %. At 50 %
that would be 3 %, which chance reaches too; 5 % is taken. Below that k-mers tell nothing.

How good the stand-in is: on the TargetS data (Yu et al. 2013; 3 540 training, 652 validation and
727 test chains of the default split) it counts 53 test chains at 90 % where MMseqs2 counts 51, all
of them among the 53; at 50 %, 114 where MMseqs2 counts 90 (88 of them in both) and 21 validation
chains where it counts 5. So it errs upwards. Of 30 % it says nothing, while MMseqs2 finds 38 % of
the test and 35 % of the validation chains there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from objectives.data.similarity.grouping import Tool
from objectives.data.similarity.kmers import K, related
from objectives.data.similarity.mmseqs import Mmseqs
from objectives.data.splits import Splits

LEVELS = (0.9, 0.5, 0.3)
"""Identities told of, from the closest."""

COVERED = 0.8
"""Share of the shorter chain that an alignment must cover."""

_KMER_SHARES = {0.9: 0.9**5, 0.5: 0.05}
"""Share of the shorter chain's k-mers that stands for an identity."""

Reached = Mapping[float, np.ndarray]
"""By level, which queries reach it, shape ``(queries,)``."""

QUICK = 20_000
"""Chains up to which shared k-mers are counted in about a second or less per 5 000."""


def measure_leakage(splits: Splits, tool: Tool) -> dict[str, Any]:
    """Count held-out chains with a relative in train.

    Args:
        splits: train, and validation or test or both.
        tool: what tells similar sequences.

    Returns:
        ``method`` in words, and per held-out split ``chains``, ``identical`` and
        ``identity_90``, ``identity_50``, ``identity_30``: shares of its chains, cumulative,
        None where the method cannot tell.
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
    """The same where it is quick, or MMseqs2 was asked for; else what to run for it."""
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
    """Which queries reach each level, by alignment."""
    hits = program.search(queries, train, min(LEVELS))
    best = np.zeros(len(queries))
    whole = hits.coverage >= COVERED
    np.maximum.at(best, hits.query[whole], hits.identity[whole])
    return {level: best >= level for level in LEVELS}


def _by_kmers(queries: Sequence[str], train: Sequence[str]) -> Reached:
    """Which queries reach each level that k-mers can tell."""
    reached = related(queries, train, list(_KMER_SHARES.values()))
    return dict(zip(_KMER_SHARES, reached, strict=True))
