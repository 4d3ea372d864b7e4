"""The windows of several lanes side by side in one flat sequence, without padding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
from sweep.errors import SpecError, fault


@dataclass(frozen=True)
class LaneBatch:
    """What one lane puts into a pass.

    Attributes:
        lane: its adapters and head; see ``packed.adapters``.
        windows: the split that ``indices`` point into.
        indices: which windows, in order.
        step: the optimiser step they are for, from 1, keys of the dropout masks; 0 for an
            evaluation, which has none.
    """

    lane: Any
    windows: Windows
    indices: Sequence[int]
    step: int = 0

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Tokens of each window."""
        return tuple(len(self.windows.input_ids[i]) for i in self.indices)

    @property
    def tokens(self) -> int:
        """Tokens of all of them."""
        return sum(self.lengths)

    def labels(self, device: torch.device) -> torch.Tensor:
        """The windows' labels one after the other, shape (tokens,)."""
        return to_device(self.read(), device)

    def read(self) -> NDArray[np.int64]:
        """The same where they are kept."""
        return np.concatenate([self.windows.labels[i] for i in self.indices])


@dataclass(frozen=True)
class Layout:
    """One pass: where each lane's tokens are, and where each window's.

    In the flat form all tokens are one row, lane after lane and window after window. In the
    padded form, for models whose attention cannot be told where windows end, each window
    is a row and a lane is a block of rows.

    Attributes:
        shares: the lanes, in order.
        width: tokens of a row in the padded form; 0 for the flat form.
        room: tokens that each lane takes in the flat form, its tail filled up; 0 for as
            many as it has. Equal shares let a GPU multiply all lanes in one batched product.
    """

    shares: tuple[LaneBatch, ...]
    width: int = 0
    room: int = 0

    @cached_property
    def sizes(self) -> list[int]:
        """Token places of each lane, those filled up included."""
        if self.width:
            return [len(share.indices) * self.width for share in self.shares]
        return [self.room or share.tokens for share in self.shares]

    @cached_property
    def bounds(self) -> list[tuple[int, int]]:
        """First and last-but-one token place of each lane."""
        return list(pairwise([0, *accumulate(self.sizes)]))

    def bounds_of(self, rows: int, module: str) -> list[tuple[int, int]]:
        """The same of what a module is given: rows that are no tokens are those of a lone lane.

        DeBERTa, for one, multiplies the embeddings of distances too.

        Args:
            rows: how many the module is given.
            module: its path, for messages.

        Raises:
            SpecError: if they are no tokens, and the pass has several lanes or all at once.
        """
        if rows == sum(self.sizes):
            return self.bounds
        if not self.room and len(self.shares) == 1:
            return [(0, rows)]
        rule = f"give {module} one row for each token of a pass ({sum(self.sizes)})"
        raise SpecError(fault("base", rule, rows, way_out="Give a base of another architecture"))

    @cached_property
    def lengths(self) -> list[int]:
        """Tokens of each stretch that attends to itself alone; a filled tail is one more."""
        found: list[int] = []
        for share, size in zip(self.shares, self.sizes, strict=True):
            found.extend(share.lengths)
            if size > share.tokens:
                found.append(size - share.tokens)
        return found

    def tensors(self, pad: int, first: int, device: torch.device) -> dict[str, torch.Tensor]:
        """What a ``transformers`` encoder is called with.

        Args:
            pad: token id that fills.
            first: position id of a window's first token.
            device: where to.
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
        """A lane's real tokens out of ``flat``, shape (places, features), in window order."""
        share, (start, stop) = self.shares[number], self.bounds[number]
        if not self.width:
            return flat[start : start + share.tokens]
        block = flat[start:stop].view(len(share.indices), self.width, -1)
        return torch.cat([row[:n] for row, n in zip(block, share.lengths, strict=True)])

    def labels(self, device: torch.device) -> torch.Tensor:
        """The labels of all lanes in equal room, shape (lanes, places); none in filled tails."""
        rows = np.full((len(self.shares), self.room), IGNORED, dtype=np.int64)
        for row, share in zip(rows, self.shares, strict=True):
            row[: share.tokens] = share.read()
        return to_device(rows, device)

    @cached_property
    def _copies(self) -> dict[Any, Any]:
        return {}

    def cu_seqlens(self, device: torch.device) -> torch.Tensor:
        """Where each stretch begins, and the last ends, shape (stretches + 1,); once a pass."""
        if "cu_seqlens" not in self._copies:
            ends = np.array([0, *accumulate(self.lengths)], dtype=np.int32)
            self._copies["cu_seqlens"] = to_device(ends, device)
        return self._copies["cu_seqlens"]

    def run_of(self, module: str) -> str:
        """What keys the masks of a module in this run of it: its path, the first time in a pass.

        A module that runs again, as the one layer of ALBERT does, drops others each time.
        """
        runs: Counter[str] = self._copies.setdefault("runs", Counter())
        runs[module] += 1
        return module if runs[module] == 1 else f"{module} again {runs[module]}"

    def keys_of(self, number: int, module: str, device: torch.device) -> torch.Tensor:
        """Keys of the dropout masks of a lane's token places in one module, shape (places,)."""
        return row_keys(self._start(number, module), self._places(device)[number])

    def keys(self, lanes: torch.Tensor | None, module: str, device: torch.device) -> torch.Tensor:
        """The same of several lanes in equal room, shape (lanes, places).

        Of all modules at once: one by one they are a third of what such a step launches.

        Args:
            lanes: their numbers in the pass; None for all.
            module: as above.
            device: where to.
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
        """The same of all lanes in equal room, shape (modules, lanes, places)."""
        everyone = range(len(self.shares))
        starts = np.array([[[self._start(n, path)] for n in everyone] for path in modules])
        return row_keys(to_device(starts, device), torch.stack(list(self._places(device))))

    def _start(self, number: int, module: str) -> int:
        share = self.shares[number]
        return start_of(share.lane.seed, share.step, module)

    def _places(self, device: torch.device) -> Sequence[torch.Tensor]:
        """Per lane the window and the position of each token place, shape (places, 2)."""
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
