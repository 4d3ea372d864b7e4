"""Context of the current pass, read by the modules of the packed model while they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from objectives.lora.packed.layout import Layout
from objectives.lora.packed.stacked_parameters import StackedParameters


@dataclass(frozen=True)
class PassContext:
    """Layout and parameters of a pass.

    Attributes:
        layout: positions of each lane's tokens.
        stacked: the lanes' parameters stacked in one block, for batched products; None if the
            lanes are computed one by one.
        chosen: indices of the stacked lanes that are in the pass; None for all, in order.
    """

    layout: Layout
    stacked: StackedParameters | None = None
    chosen: tuple[int, ...] | None = None


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
