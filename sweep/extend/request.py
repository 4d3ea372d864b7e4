"""What a person asks to be added to a space, and the space that comes of it; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sweep.errors import SpecError
from sweep.extend.additions import Addition, add_choice, add_target, widen
from sweep.space import Space


@dataclass(frozen=True)
class Request:
    """What to add, in the words of the command line.

    Attributes:
        targets: ``LABEL=SET``, or ``PARAM:LABEL=SET`` where a space has several TargetSets.
        choices: ``PARAM=VALUE``; the value is JSON, a bare word is a string.
        ranges: ``PARAM=LOW:HIGH``, both ends.
    """

    targets: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.targets or self.choices or self.ranges)

    def additions(self) -> Iterator[tuple[Addition, str]]:
        """What is to be done with each text; of one kind, in the order given."""
        yield from ((add_target, text) for text in self.targets)
        yield from ((add_choice, text) for text in self.choices)
        yield from ((widen, text) for text in self.ranges)


def extended(space: Space, request: Request) -> tuple[Space, list[str]]:
    """The space with what was asked for.

    Returns:
        The new space, and one sentence per change.

    Raises:
        SpecError: with every fault of the request at once.

    Example:
        >>> from sweep.space import Choice
        >>> extended(Space({"rank": Choice(1, 2)}), Request(choices=("rank=4",)))[1]
        ['rank: + 4']
    """
    params = dict(space.params)
    changes: list[str] = []
    faults: list[str] = []
    for addition, text in request.additions():
        try:
            name, param, change = addition(params, text)
        except SpecError as error:
            faults.extend(error.faults)
        else:
            params[name] = param
            changes.append(change)
    if faults:
        raise SpecError(faults)
    return Space(params), changes
