"""Packed training in small: trials advance in turn, a step each, and leave one by one.

For objectives whose trials are a few lines of Python. A trial is a generator that yields before
each step it has to make, and returns its result; see ``Walk``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field

from sweep.study.trial import Leave, Pack, Refill, TrialParams, TrialResult, nobody_waits

Walk = Generator[None, bool, TrialResult]
"""A trial under way. What is sent to its ``yield`` says whether it must leave before the step
that it was about to make; what it raises is nobody's result, so it must not raise."""

Begin = Callable[[TrialParams], Walk]
"""Begins a trial; nothing is computed before it is first advanced."""


def run_in_lanes(
    pack: Pack, begin: Begin, leave: Leave, refill: Refill, pause_seconds: float = 0.0
) -> list[TrialResult]:
    """Run a pack, and all that takes the places of its trials.

    Args:
        pack: the trials to begin with.
        begin: begins one.
        leave: asked once before each turn; then all trials leave.
        refill: takes results; ``nobody_waits`` to have them returned.
        pause_seconds: how long a turn takes, in which every trial makes a step.

    Returns:
        The results that were not handed over: none, or all in the pack's order.
    """
    desk = _Desk(begin, refill)
    lanes = desk.all_on((begin(params), None) for params in pack)
    while lanes:
        leaving = leave()
        if not leaving:
            time.sleep(pause_seconds)
        lanes = desk.all_on((walk, leaving) for walk in lanes)
    return [desk.kept[params.number] for params in pack if params.number in desk.kept]


@dataclass
class _Desk:
    """Where trials come in, and where their results go."""

    begin: Begin
    refill: Refill
    kept: dict[int, TrialResult] = field(default_factory=dict)

    def all_on(self, walks: Iterable[tuple[Walk, bool | None]]) -> list[Walk]:
        """Each trial a step further, or the one in its place; what is over is gone."""
        return [lane for walk, send in walks if (lane := self._on(walk, send=send)) is not None]

    def _on(self, walk: Walk, *, send: bool | None) -> Walk | None:
        while True:
            try:
                walk.send(send)  # type: ignore[arg-type]  # None starts a generator
            except StopIteration as end:
                following = self._hand_over(end.value)
                if following is None:
                    return None
                walk, send = self.begin(following), None
            else:
                return walk

    def _hand_over(self, result: TrialResult) -> TrialParams | None:
        if self.refill is nobody_waits:
            self.kept[result.number] = result
            return None
        return self.refill(result)
