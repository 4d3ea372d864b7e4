"""Confidence intervals of a trial's metrics: a cluster bootstrap that resamples chains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from objectives.data.prepare.windows import Windows
from objectives.metrics.confusion import matthews
from objectives.metrics.metrics import ARGMAX, Predictions
from sweep._typing import FloatArray

RESAMPLES = 1000
QUANTILES = (0.025, 0.975)  # quantiles that bound an interval: 95 %
_AT_ONCE = 4_000_000  # numbers in one block of resamples; bounds the memory


def chains_of(split: Dataset, windows: Windows) -> NDArray[np.int64]:
    """The chain index of each labelled residue, in the order of ``Predictions``.

    Args:
        split: the prepared split.
        windows: all windows of the same split, in memory.

    Returns:
        Chain indices, shape (residues,).
    """
    index = np.asarray(split["chain"], dtype=np.int64)
    chains: NDArray[np.int64] = np.repeat(index, windows.known)
    return chains


def mcc_intervals(
    predictions: Predictions, chains: NDArray[np.int64], threshold: float, seed: int
) -> dict[str, float | None]:
    """95 % percentile intervals of MCC, at argmax and at a threshold.

    Whole chains are drawn with replacement, because residues of one chain are correlated:
    resampling single residues would make the interval too narrow. The threshold is held
    fixed: the interval does not cover the selection of the threshold or of the trial.

    Sources: bootstrap: Efron 1979, doi:10.1214/aos/1176344552; cluster bootstrap: Field &
    Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x.

    Args:
        predictions: of one split.
        chains: the chain of each residue; shape (residues,).
        threshold: a margin.
        seed: of the resamples; the same seed and chains give the same resamples in any trial.

    Returns:
        ``mcc_low``, ``mcc_high``, ``mcc_at_threshold_low``, ``mcc_at_threshold_high``; None
        if there is only one chain.
    """
    index, count = _indexed(chains)
    cuts = {"mcc": ARGMAX, "mcc_at_threshold": threshold}
    tables = {name: _confusion(predictions, index, count, cut) for name, cut in cuts.items()}
    drawn: dict[str, list[FloatArray]] = {name: [] for name in cuts}
    for weights in _resamples(count, seed):
        for name, table in tables.items():
            drawn[name].append(matthews(*(weights @ table).T))
    return _ends(drawn, count)


def pr_auc_interval(
    predictions: Predictions, chains: NDArray[np.int64], seed: int
) -> dict[str, float | None]:
    """95 % percentile interval of average precision; see ``mcc_intervals``.

    Much slower than the interval of MCC. Resamples without a binding residue are left out.

    Args:
        predictions: of one split.
        chains: the chain of each residue; shape (residues,).
        seed: see ``mcc_intervals``.

    Returns:
        ``pr_auc_low`` and ``pr_auc_high``; None if there is only one chain, or no resample
        with a binding residue.
    """
    index, count = _indexed(chains)
    drawn: list[FloatArray] = []
    for weights in _resamples(count, seed):
        area, found, chosen = np.zeros((3, len(weights), 1))
        for every, binding in _added(predictions, index, count):
            hits = weights @ binding
            chosen_then = chosen + (weights @ every).cumsum(axis=1)
            found_then = found + hits.cumsum(axis=1)
            precision = found_then / np.maximum(chosen_then, 1.0)
            area += (hits * precision).sum(axis=1, keepdims=True)
            chosen, found = chosen_then[:, -1:], found_then[:, -1:]
        sound = found > 0
        drawn.append(area[sound] / found[sound])
    return _ends({"pr_auc": drawn}, count)


def statistic_interval(
    name: str,
    table: FloatArray,
    statistic: Callable[[FloatArray], FloatArray],
    chains: NDArray[np.int64],
    seed: int,
) -> dict[str, float | None]:
    """95 % percentile interval of a statistic of sums over predictions; see ``mcc_intervals``.

    Args:
        name: of the metric.
        table: terms of the sums of each prediction, shape (predictions, terms).
        statistic: from sums, shape (resamples, terms), to values, shape (resamples,).
        chains: the chain of each prediction.
        seed: see ``mcc_intervals``.

    Returns:
        ``{name}_low`` and ``{name}_high``; None if there is only one chain.
    """
    index, count = _indexed(chains)
    sums = np.zeros((count, table.shape[1]))
    np.add.at(sums, index, table)
    drawn = [statistic(weights @ sums) for weights in _resamples(count, seed)]
    return _ends({name: drawn}, count)


def _added(
    predictions: Predictions, index: NDArray[np.int64], count: int
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield blocks of thresholds: all and binding residues added, shapes (chains, thresholds)."""
    binds = predictions.labels == 1
    levels = np.unique(-predictions.margin[binds])
    ranks = np.searchsorted(levels, -predictions.margin)
    step = max(1, _AT_ONCE // count)
    for start in range(0, len(levels), step):
        width = min(step, len(levels) - start)
        here = (start <= ranks) & (ranks < start + width)
        tables = []
        for rows in (here, here & binds):
            cells = index[rows] * width + ranks[rows] - start
            tally = np.bincount(cells, minlength=count * width)
            tables.append(tally.reshape(count, width).astype(np.float64))
        yield tables[0], tables[1]


def _indexed(chains: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Chain indices renumbered from 0 without gaps, and the number of chains."""
    names, index = np.unique(chains, return_inverse=True)
    return index, len(names)


def _resamples(count: int, seed: int) -> Iterator[FloatArray]:
    """Yield how often each resample draws each chain, in blocks of shape (resamples, count)."""
    rng = np.random.default_rng(seed)
    left, most = RESAMPLES, max(1, _AT_ONCE // count)
    while left:
        block = min(left, most)
        left -= block
        places = rng.integers(count, size=(block, count)) + count * np.arange(block)[:, None]
        tally = np.bincount(places.ravel(), minlength=block * count)
        yield tally.reshape(block, count).astype(np.float64)


def _confusion(
    predictions: Predictions, index: NDArray[np.int64], count: int, threshold: float
) -> FloatArray:
    """TP, FP, FN and TN of each chain; shape (chains, 4)."""
    chosen = predictions.margin.astype(np.float64, copy=False) > threshold
    binds = predictions.labels == 1
    cells = [chosen & binds, chosen & ~binds, ~chosen & binds, ~chosen & ~binds]
    tallies = [np.bincount(index[cell], minlength=count) for cell in cells]
    return np.stack(tallies, axis=1).astype(np.float64)


def _ends(drawn: Mapping[str, list[FloatArray]], chains: int) -> dict[str, float | None]:
    """Lower and upper end of each metric's interval; None if there is only one chain."""
    found: dict[str, float | None] = {}
    for name, blocks in drawn.items():
        values = np.concatenate(blocks)
        known = chains > 1 and len(values) > 0
        low, high = np.quantile(values, QUANTILES).tolist() if known else (None, None)
        found |= {f"{name}_low": low, f"{name}_high": high}
    return found
