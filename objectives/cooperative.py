"""Run a pack of trials written as generators: each advances one step per turn.

For objectives in plain Python, without a packed model. A trial is a generator that yields before
each step and returns its result; see ``Walk``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field

from sweep.study.trial import Leave, Pack, Refill, TrialParams, TrialResult, no_refill

Walk = Generator[None, bool, TrialResult]
"""A running trial. The value sent to its ``yield`` is true if the trial must stop before its next
step. It must not raise: a failed trial returns a ``TrialResult`` that holds the failure."""

Begin = Callable[[TrialParams], Walk]  # creates a trial's generator; nothing is computed yet


def run_in_lanes(
    pack: Pack, begin: Begin, leave: Leave, refill: Refill, pause_seconds: float = 0.0
) -> list[TrialResult]:
    """Run the trials of a pack, and the trials that replace finished ones.

    Args:
        pack: the trials to start with.
        begin: creates the generator of a trial.
        leave: called once before each turn; if true, all trials stop.
        refill: takes each result and returns the next trial, or None; ``no_refill`` to
            have all results returned instead.
        pause_seconds: time to sleep per turn, in which every trial makes one step.

    Returns:
        All results in the pack's order with ``no_refill``; else none, as ``refill`` took them.
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
    """Advances trials, passes their results to ``refill`` and starts the next ones."""

    begin: Begin
    refill: Refill
    kept: dict[int, TrialResult] = field(default_factory=dict)

    def all_on(self, walks: Iterable[tuple[Walk, bool | None]]) -> list[Walk]:
        """Advance each trial one step; finished trials are replaced by the next, or dropped."""
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
        if self.refill is no_refill:
            self.kept[result.number] = result
            return None
        return self.refill(result)
