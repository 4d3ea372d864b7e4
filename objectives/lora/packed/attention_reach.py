"""How far a token attends within its window."""

from __future__ import annotations

from dataclasses import dataclass

import torch

ANY = -1
"""Any distance, as flash kernels write it."""


@dataclass(frozen=True)
class Reach:
    """How many tokens a token attends to before and after itself; ``ANY`` for all of them.

    Attributes:
        before: tokens before it.
        after: tokens after it.
    """

    before: int = ANY
    after: int = ANY

    @classmethod
    def of(cls, sliding_window: int | None, *, causal: bool) -> Reach:
        """What the arguments of transformers mean.

        Args:
            sliding_window: distance, the token itself included; None for any.
            causal: whether no later token is attended to.
        """
        near = ANY if sliding_window is None else sliding_window - 1
        return cls(near, 0 if causal else near)

    @property
    def all(self) -> bool:
        """Whether every token attends to every other."""
        return self.before == ANY and self.after == ANY

    def mask(self, length: int, device: torch.device) -> torch.Tensor | None:
        """Who attends to whom in a window of ``length`` tokens.

        Returns:
            Booleans of shape (length, length), query by key; None where all attend to all.
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
        """Scores with those out of reach at minus infinity.

        Args:
            scores: shape (heads, length, length), query by key.
        """
        keep = self.mask(scores.shape[-1], scores.device)
        return scores if keep is None else scores.masked_fill(~keep, float("-inf"))


EVERYWHERE = Reach()
"""Of attention without a window, in both directions."""
