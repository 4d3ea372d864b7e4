"""Tokenise chains into windows with aligned labels, as tables that every trial reads.

Vectorised over blocks of many chains, ten times as fast as chain by chain. The blocks are spread
over threads, as NumPy releases the GIL; processes gain less than transferring the chains costs
(measured: benchmarks/results/data-2026-11-28.md).
"""

from __future__ import annotations

import itertools
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray

from objectives.data.chain import IGNORED, Chain
from objectives.data.labels.binding_sites import BINDING
from objectives.data.labels.kind import LabelKind
from objectives.data.prepare.alphabet import Alphabet

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset


@dataclass(frozen=True)
class Window:
    """A part of a chain that is one model input; positions are 0-based, stops excluded."""

    start: int  # first residue of the input
    stop: int  # one past the last residue of the input
    own_start: int  # first residue whose label is used in this window
    own_stop: int  # one past the last residue whose label is used in this window


def cut_windows(length: int, limit: int, *, overlap: int | None = None) -> list[Window]:
    """Cut a chain into the fewest overlapping windows.

    Each of two neighbours owns half of their overlap, so that every residue is predicted with
    context on both sides and by exactly one window.

    Args:
        length: residues of the chain.
        limit: most residues of a window.
        overlap: least residues that neighbours share; by default a quarter of the limit.

    Returns:
        Windows in order; together they own every residue once.

    Raises:
        ValueError: if ``length`` or ``limit`` is below 1, or the overlap fills a window.
    """
    shared = limit // 4 if overlap is None else overlap
    if length < 1 or limit < 1 or not 0 <= shared < limit:
        message = f"length and limit must be >= 1 and 0 <= overlap < limit, got {length}, {limit}"
        raise ValueError(f"{message}, {shared}.")
    if length <= limit:
        return [Window(0, length, 0, length)]
    count = -(-(length - shared) // (limit - shared))
    starts = [index * (length - limit) // (count - 1) for index in range(count)]
    # Neighbours divide their overlap in the middle.
    borders = [(left + limit + right) // 2 for left, right in itertools.pairwise(starts)]
    owned = zip([0, *borders], [*borders, length], strict=True)
    return [
        Window(start, start + limit, own_start, own_stop)
        for start, (own_start, own_stop) in zip(starts, owned, strict=True)
    ]


BLOCK = 2048  # chains that are tokenised together

T = TypeVar("T")

FROM_CHAINS = 20_000  # least number of chains for which a bar is shown; fewer take only moments


def shown_progress(items: Iterable[T], total: int, what: str, *, chains: int) -> Iterator[T]:
    """Yield the items, with a progress bar if standard error is a terminal and chains are many.

    Args:
        items: what to iterate over.
        total: number of items.
        what: label of the bar.
        chains: number of chains that all items contain.
    """
    if chains < FROM_CHAINS or not sys.stderr.isatty():
        yield from items
        return
    from rich.progress import track

    from sweep.terminal.console import make_console

    console = make_console(sys.stderr)
    yield from track(items, what, total, console=console, transient=True)


@dataclass(frozen=True)
class Coding:
    """How labels are turned into numbers."""

    kind: LabelKind = BINDING  # of the labels
    facts: Mapping[str, Any] = field(default_factory=dict)  # see ``LabelKind.facts``


@dataclass(frozen=True)
class _Form:
    """How chains are converted to windows."""

    alphabet: Alphabet  # the tokenizer's encoding of residues
    limit: int  # most residues of a window
    bits: Mapping[str, int]  # mask of each ligand
    coding: Coding

    @property
    def token_type(self) -> np.dtype:
        """The narrowest integer type for all token ids, as trials read every byte from disk."""
        return _narrowest(self.alphabet.highest)

    @property
    def mask_type(self) -> np.dtype:
        """The narrowest integer type for all ligand masks."""
        return _narrowest(max(self.bits.values(), default=0))


def tokenise(
    chains: Sequence[Chain],
    alphabet: Alphabet,
    limit: int,
    bits: Mapping[str, int],
    coding: Coding | None = None,
) -> Dataset:
    """Convert the chains of a split to a table of windows.

    Args:
        chains: the chains of the split.
        alphabet: the tokenizer's encoding of residues.
        limit: most residues of a window.
        bits: mask of each ligand.
        coding: of the labels; that of binding sites if None.

    Returns:
        One row per window: ``chain`` (index in ``chains``), ``chain_id``, ``start`` (residue
        offset of the window), ``length`` (tokens), and the lists ``input_ids``, ``labels``
        (``IGNORED``, or NaN among floats, at special tokens and at residues that another window
        owns) and ``ligands`` (masks), each ``length`` long. Labels of whole sequences are in a
        list ``targets``, and ``labels`` is 0 at the residues that the window owns. Integers are as
        narrow as their values allow.
    """
    import datasets
    import pyarrow as pa

    form = _Form(alphabet, limit, bits, coding or Coding())
    starts = range(0, len(chains), BLOCK)
    with ThreadPoolExecutor(min(len(starts), cpu_count()) or 1) as pool:
        made = pool.map(lambda first: _table(chains[first : first + BLOCK], first, form), starts)
        tables = list(shown_progress(made, len(starts), "tokenising", chains=len(chains)))
    # A given fingerprint spares datasets from pickling the whole table to compute one.
    return datasets.Dataset(pa.concat_tables(tables), fingerprint=secrets.token_hex(8))


def _table(chains: Sequence[Chain], first: int, form: _Form) -> pa.Table:
    """The windows of a block of chains, the first of which is number ``first`` of the split."""
    import pyarrow as pa

    cuts = list(_cuts(chains, form.limit))
    chain, offset, start, stop, own_start, own_stop = np.array(cuts, dtype=np.int64).T
    before, after = form.alphabet.before, form.alphabet.after
    lengths = stop - start + form.alphabet.marks
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    firsts = bounds[:-1] + len(before)  # token of each window's first residue
    residues = _ranges(offset + start, stop - start), _ranges(firsts, stop - start)
    owned = (
        _ranges(offset + own_start, own_stop - own_start),
        _ranges(firsts + own_start - start, own_stop - own_start),
    )
    tokens = np.empty(bounds[-1], dtype=form.token_type)
    for number, mark in enumerate(before):
        tokens[bounds[:-1] + number] = mark
    for number, mark in enumerate(reversed(after), 1):
        tokens[bounds[1:] - number] = mark
    tokens[residues[1]] = form.alphabet.encode("".join(c.sequence for c in chains))[residues[0]]
    kind = form.coding.kind
    numbers = kind.encode(chains, form.coding.facts)
    known = numbers if kind.per_residue else np.zeros(offset[-1] + stop[-1], dtype=np.int8)
    missing = np.nan if np.issubdtype(known.dtype, np.floating) else IGNORED
    labels = np.full(bounds[-1], missing, dtype=known.dtype)
    labels[owned[1]] = known[owned[0]]
    masks = np.zeros(bounds[-1], dtype=form.mask_type)
    masks[owned[1]] = _masks(chains, form)[owned[0]]

    def column(values: NDArray[np.integer]) -> pa.Array:
        # 64-bit offsets, as a large data set can have more tokens than 32 bits can count.
        return pa.LargeListArray.from_arrays(pa.array(bounds, pa.int64()), pa.array(values))

    columns = {
        "chain": pa.array(chain + first, pa.int32()),
        "chain_id": pa.array([chains[index].id for index in chain], pa.string()),
        "start": pa.array(start, pa.int32()),
        "length": pa.array(lengths, pa.int32()),
        "input_ids": column(tokens),
        "labels": column(labels),
        "ligands": column(masks),
    }
    if not kind.per_residue:
        targets = pa.array(numbers[chain].reshape(-1))
        ends = np.arange(len(chain) + 1, dtype=np.int64) * numbers.shape[1]
        columns["targets"] = pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), targets)
    return pa.table(columns)


def _cuts(chains: Sequence[Chain], limit: int) -> Iterator[tuple[int, ...]]:
    """For each window: chain, its residue offset in the block, start, stop, own start, own stop."""
    offset = 0
    for number, chain in enumerate(chains):
        length = len(chain.sequence)
        for cut in cut_windows(length, limit):
            yield number, offset, cut.start, cut.stop, cut.own_start, cut.own_stop
        offset += length


def _ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Concatenated integer ranges, each of ``counts[i]`` numbers from ``starts[i]`` on."""
    before = np.cumsum(counts) - counts
    ranges: NDArray[np.int64] = np.arange(counts.sum()) + np.repeat(starts - before, counts)
    return ranges


def _masks(chains: Sequence[Chain], form: _Form) -> NDArray[np.integer]:
    """Bit mask of the ligands that each residue of a block binds, shape (residues,)."""
    masks = np.zeros(sum(len(chain.sequence) for chain in chains), dtype=form.mask_type)
    offset = 0
    for chain in chains:
        for name, positions in chain.ligands.items():
            masks[np.array(positions, dtype=np.int64) + offset] |= form.bits[name]
        offset += len(chain.sequence)
    return masks


def _narrowest(highest: int) -> np.dtype:
    """The narrowest signed integer type that can hold a number of at least 0."""
    types = (np.int8, np.int16, np.int32, np.int64)
    return next(np.dtype(kind) for kind in types if highest <= np.iinfo(kind).max)
