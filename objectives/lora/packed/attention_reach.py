"""The range of attention within a window: sliding window and causality."""

from __future__ import annotations

from dataclasses import dataclass

import torch

ANY = -1
"""No limit, in the notation of flash kernels."""


@dataclass(frozen=True)
class Reach:
    """How many tokens before and after itself a token attends to; ``ANY`` for no limit.

    Attributes:
        before: number of tokens before it.
        after: number of tokens after it.
    """

    before: int = ANY
    after: int = ANY

    @classmethod
    def of(cls, sliding_window: int | None, *, causal: bool) -> Reach:
        """Convert the arguments of transformers' attention functions.

        Args:
            sliding_window: attention distance, the token itself included; None for no limit.
            causal: whether no later token is attended to.
        """
        near = ANY if sliding_window is None else sliding_window - 1
        return cls(near, 0 if causal else near)

    @property
    def all(self) -> bool:
        """Whether every token attends to every other."""
        return self.before == ANY and self.after == ANY

    def mask(self, length: int, device: torch.device) -> torch.Tensor | None:
        """The attention mask of a window of ``length`` tokens.

        Returns:
            Booleans of shape (length, length), query by key, true where a query attends to a
            key; None if true everywhere.
        """
        if all(side == ANY or side >= length - 1 for side in (self.before, self.after)):
            return None
        places = torch.arange(length, device=device)
        later = places[None, :] - places[:, None]
        keep = later.new_ones(later.shape, dtype=torch.bool)
        if self.before != ANY:
            keep &= later >= -self.before
        if self.after != ANY:
            keep &= later <= self.after
        return keep

    def narrow(self, scores: torch.Tensor) -> torch.Tensor:
        """Set the scores outside the range to minus infinity.

        Args:
            scores: shape (heads, length, length), query by key.
        """
        keep = self.mask(scores.shape[-1], scores.device)
        return scores if keep is None else scores.masked_fill(~keep, float("-inf"))


EVERYWHERE = Reach()
"""Unrestricted attention in both directions."""
