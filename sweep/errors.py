"""lorasweep's exceptions, and the common form of their messages.

Users find in a message the value, the rule that it breaks, and how to correct it.
"""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 600
"""Longest value or place shown in a message, in characters, so that the rule stays visible."""


def fault(name: str, rule: str, got: object, *, where: str = "", way_out: str = "") -> str:
    """A message in the common form.

    Args:
        name: what is wrong, as the user would write it (``space.rank.low``).
        rule: what must hold, without the leading ``must``.
        got: the offending value.
        where: file, line or study that holds the value.
        way_out: what to do about it, without the final full stop.

    Returns:
        One line: ``<name> must <rule>, got <value!r> (<where>). <way out>.``
    """
    place = f" ({_cut(where)})" if where else ""
    exit_line = f" {way_out}." if way_out else ""
    return f"{name} must {rule}, got {_cut(_shown(got))}{place}.{exit_line}"


def _shown(got: object) -> str:
    """The value's ``repr``; its class name if that fails (such as for a very long integer)."""
    try:
        return repr(got)
    except Exception:  # noqa: BLE001 - the repr of any class may run any code
        return f"a {type(got).__name__} that cannot be shown"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"


class SweepError(Exception):
    """Base of all errors that lorasweep raises on purpose; shown without traceback."""


class FaultsError(SweepError, ValueError):
    """Several faults of one input, reported together.

    Attributes:
        faults: one sentence each, in the order found.
    """

    def __init__(self, faults: Sequence[str] | str) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))

    def __reduce__(self) -> tuple[type, tuple[tuple[str, ...]]]:
        """Pickle the faults, as errors are sent from worker processes to the driver."""
        return type(self), (self.faults,)


class SpecError(FaultsError):
    """A study spec, its settings or its search space is invalid."""


class TargetError(SpecError):
    """A target set matches no matrix of the model, or is not written as one."""


class DataError(FaultsError):
    """A data file is invalid; each fault names file and line."""


class UsageError(FaultsError):
    """The command line is invalid."""


class StorageError(SweepError, RuntimeError):
    """The study database cannot be opened, or lacks what was asked for."""


class HeldError(StorageError):
    """Another process drives the study, or has taken it over."""


class ResumeError(SweepError, RuntimeError):
    """A study would continue with another spec, data set or base model than before."""


class InputChangedError(SweepError, RuntimeError):
    """An input changed while a trial read it; the configuration is not the cause."""


class TrialError(SweepError, RuntimeError):
    """One trial failed; its failure is stored with its reason, never as a value."""
