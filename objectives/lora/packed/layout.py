"""Layout of a pass: the windows of several lanes concatenated in one flat sequence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from objectives.data.chain import IGNORED
from objectives.data.prepare.windows import Windows
from objectives.lora.packed.device import to_device
from objectives.lora.packed.dropout_hash import row_keys, start_of
from objectives.lora.packed.stacked_parameters import StackedParameters
from sweep.errors import SpecError, fault


@dataclass(frozen=True)
class LaneBatch:
    """The batch of one lane in a pass."""

    lane: Any  # its parameters; see ``lane_parameters.Adapters``
    windows: Windows  # the split that ``indices`` point into
    indices: Sequence[int]  # indices of the batch's windows, in order
    step: int = 0  # the optimiser step, from 1, which keys the dropout masks; 0 for an evaluation

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Number of tokens of each window."""
        return tuple(len(self.windows.input_ids[i]) for i in self.indices)

    @property
    def tokens(self) -> int:
        """Number of tokens of all windows."""
        return sum(self.lengths)

    def labels(self, device: torch.device) -> torch.Tensor:
        """The concatenated labels of the windows on a device, shape (tokens,)."""
        return to_device(self.read(), device)

    def read(self) -> NDArray[np.int64]:
        """The concatenated labels of the windows on the host, shape (tokens,)."""
        return np.concatenate([self.windows.labels[i] for i in self.indices])


@dataclass(frozen=True)
class Layout:
    """Positions of the lanes' tokens in the input of one pass.

    Flat form: all tokens are one row, lane after lane and window after window. Padded form, for
    models that cannot use ``packed_attention``: each window is a row, and a lane is a block of
    rows. A *place* is one token slot of the input, padding included.
    """

    shares: tuple[LaneBatch, ...]  # the batch of each lane, in order
    width: int = 0  # length of a row in the padded form; 0 for the flat form
    # places per lane in the flat form, padded at the end; 0 for no padding. Equal lengths let a GPU
    # multiply all lanes in one batched product
    room: int = 0

    @cached_property
    def sizes(self) -> list[int]:
        """Number of places of each lane, padding included."""
        if self.width:
            return [len(share.indices) * self.width for share in self.shares]
        return [self.room or share.tokens for share in self.shares]

    @cached_property
    def bounds(self) -> list[tuple[int, int]]:
        """Start and end (exclusive) of each lane's places."""
        return list(pairwise([0, *accumulate(self.sizes)]))

    def bounds_of(self, rows: int, module: str) -> list[tuple[int, int]]:
        """Start and end of each lane's rows in a module's input.

        Rows that are not tokens are allowed if the pass has one lane, to which all belong: DeBERTa
        also projects relative-position embeddings.

        Args:
            rows: number of rows of the module's input.
            module: its path, for messages.

        Raises:
            SpecError: if they are not the pass's tokens and it has several lanes or a ``room``.
        """
        if rows == sum(self.sizes):
            return self.bounds
        if not self.room and len(self.shares) == 1:
            return [(0, rows)]
        rule = f"give {module} one row for each token of a pass ({sum(self.sizes)})"
        raise SpecError(fault("base", rule, rows, way_out="Give a base of another architecture"))

    @cached_property
    def lengths(self) -> list[int]:
        """Length of each attention segment: one per window, and one per padding tail."""
        found: list[int] = []
        for share, size in zip(self.shares, self.sizes, strict=True):
            found.extend(share.lengths)
            if size > share.tokens:
                found.append(size - share.tokens)
        return found

    def tensors(self, pad: int, first: int, device: torch.device) -> dict[str, torch.Tensor]:
        """Keyword arguments of the forward call of a ``transformers`` encoder.

        Args:
            pad: token id of padding.
            first: position id of a window's first token.
            device: of the returned tensors.

        Returns:
            ``input_ids`` with ``position_ids`` (flat) or ``attention_mask`` (padded), of shape
            (1, places) or (windows, width).
        """
        rows = [share.windows.input_ids[i] for share in self.shares for i in share.indices]
        if self.width:
            ids = np.full((len(rows), self.width), pad, dtype=np.int64)
            mask = np.zeros((len(rows), self.width), dtype=np.int64)
            for number, row in enumerate(rows):
                ids[number, : len(row)] = row
                mask[number, : len(row)] = 1
            named = {"input_ids": ids, "attention_mask": mask}
        else:
            ids = np.full((1, sum(self.sizes)), pad, dtype=np.int64)
            for share, (start, _) in zip(self.shares, self.bounds, strict=True):
                flat = np.concatenate([share.windows.input_ids[i] for i in share.indices])
                ids[0, start : start + len(flat)] = flat
            positions = np.concatenate([np.arange(n) for n in self.lengths])[None]
            named = {"input_ids": ids, "position_ids": positions + first}
        return {name: to_device(array, device) for name, array in named.items()}

    def own(self, flat: torch.Tensor, number: int) -> torch.Tensor:
        """The rows of ``flat`` (places, features) that are a lane's tokens, in window order."""
        share, (start, stop) = self.shares[number], self.bounds[number]
        if not self.width:
            return flat[start : start + share.tokens]
        block = flat[start:stop].view(len(share.indices), self.width, -1)
        return torch.cat([row[:n] for row, n in zip(block, share.lengths, strict=True)])

    def labels(self, device: torch.device) -> torch.Tensor:
        """Labels of all lanes, shape (lanes, room); ``IGNORED`` in padding."""
        rows = np.full((len(self.shares), self.room), IGNORED, dtype=np.int64)
        for row, share in zip(rows, self.shares, strict=True):
            row[: share.tokens] = share.read()
        return to_device(rows, device)

    @cached_property
    def _copies(self) -> dict[Any, Any]:
        return {}

    def cu_seqlens(self, device: torch.device) -> torch.Tensor:
        """Cumulative segment lengths from 0, shape (segments + 1,), int32; cached per pass."""
        if "cu_seqlens" not in self._copies:
            ends = np.array([0, *accumulate(self.lengths)], dtype=np.int32)
            self._copies["cu_seqlens"] = to_device(ends, device)
        return self._copies["cu_seqlens"]

    @cached_property
    def runs(self) -> Counter[str]:
        """Number of runs of each module so far that applied dropout."""
        return Counter()

    def run_of(self, module: str) -> str:
        """The dropout key of this run of a module: its path, numbered from its second run on.

        So a module that runs repeatedly, such as ALBERT's shared layer, gets a new mask each time.
        """
        self.runs[module] += 1
        return module if self.runs[module] == 1 else f"{module} again {self.runs[module]}"

    def keys_of(self, number: int, module: str, device: torch.device) -> torch.Tensor:
        """Dropout keys of one lane's places in one module, shape (places,)."""
        return row_keys(self._start(number, module), self._places(device)[number])

    def keys(self, lanes: torch.Tensor | None, module: str, device: torch.device) -> torch.Tensor:
        """Dropout keys of several lanes padded to equal length, shape (lanes, places).

        The keys of all modules are computed in one call and cached: one call per module would be
        a third of a step's kernel launches.

        Args:
            lanes: indices of the lanes in the pass; None for all.
            module: path of the module.
            device: of the keys.
        """
        if "keys" not in self._copies:
            modules = sorted({path for share in self.shares for path in share.lane.updates})
            made = self.all_keys(modules, device).unbind()
            self._copies["keys"] = dict(zip(modules, made, strict=True))
        if module not in self._copies["keys"]:
            self._copies["keys"][module] = self.all_keys([module], device)[0]
        own = self._copies["keys"][module]
        return own if lanes is None else own.index_select(0, lanes)

    def all_keys(self, modules: Sequence[str], device: torch.device) -> torch.Tensor:
        """Dropout keys of all lanes padded to one length, shape (modules, lanes, places)."""
        everyone = range(len(self.shares))
        starts = np.array([[[self._start(n, path)] for n in everyone] for path in modules])
        return row_keys(to_device(starts, device), torch.stack(list(self._places(device))))

    def _start(self, number: int, module: str) -> int:
        share = self.shares[number]
        return start_of(share.lane.seed, share.step, module)

    def _places(self, device: torch.device) -> Sequence[torch.Tensor]:
        """Window index and position in the window of each place, per lane of shape (places, 2)."""
        if "places" not in self._copies:
            lanes = zip(self.shares, self.sizes, strict=True)
            parts = [_places(share, size, self.width) for share, size in lanes]
            self._copies["places"] = to_device(np.concatenate(parts), device).split(self.sizes)
        return self._copies["places"]


def _places(share: LaneBatch, size: int, width: int) -> NDArray[np.int64]:
    places = np.zeros((size, 2), dtype=np.int64)
    start = 0
    for index, length in zip(share.indices, share.lengths, strict=True):
        places[start : start + length, 0] = index
        places[start : start + length, 1] = np.arange(length)
        start += width or length
    return places


@dataclass(frozen=True)
class PassContext:
    """Layout and parameters of a pass."""

    layout: Layout  # positions of each lane's tokens
    stacked: StackedParameters | None = None  # for batched products; None: lane by lane
    chosen: tuple[int, ...] | None = None  # stacked lanes that are in the pass; None: all, in order
    checkpointing: bool = False  # whether each encoder layer is recomputed in the backward pass


_current: ContextVar[PassContext] = ContextVar("pass")


def current() -> PassContext:
    """The context of the current pass.

    Raises:
        LookupError: outside of a pass.
    """
    return _current.get()


@contextmanager
def running(context: PassContext) -> Iterator[None]:
    """Set the context of the current pass within the block."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
