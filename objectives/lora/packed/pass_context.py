"""The pass under way, which modules of the model ask for while they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from objectives.lora.packed.layout import Layout
from objectives.lora.packed.stacked_parameters import StackedParameters


@dataclass(frozen=True)
class PassContext:
    """Where a pass's tokens are, and what they are multiplied by.

    Attributes:
        layout: where each lane's tokens are.
        stacked: the lanes' parameters in one block, where all lanes are computed at once; None
            where each lane's are tensors of its own.
        chosen: which of the stacked lanes are in the pass; None for all, in the layout's order.
    """

    layout: Layout
    stacked: StackedParameters | None = None
    chosen: tuple[int, ...] | None = None


_current: ContextVar[PassContext] = ContextVar("pass")


def current() -> PassContext:
    """The pass under way."""
    return _current.get()


@contextmanager
def running(context: PassContext) -> Iterator[None]:
    """Make a pass the one under way."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
