"""The errors people see, and the one sentence shape they share.

Every message reads ``<name> must <rule>, got <value!r> (<where>). <way out>.``
so that a person can find the value, see the rule and act, whatever failed.
"""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 600
"""Characters shown of an offending value, or of its place; the rule must stay in sight."""


def fault(name: str, rule: str, got: object, *, where: str = "", way_out: str = "") -> str:
    """Word one fault in the project's sentence shape.

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
    """A value as Python writes it; its class, where that fails (a whole number too long)."""
    try:
        return repr(got)
    except Exception:  # noqa: BLE001 - the repr of a stranger's class runs anything
        return f"a {type(got).__name__} that cannot be shown"


def _cut(text: str) -> str:
    """A text of which the rest is a number, when it is very long."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"


class SweepError(Exception):
    """Base of every error that lorasweep raises on purpose; the command line prints it alone."""


class FaultsError(SweepError, ValueError):
    """Several faults of one input, reported together.

    Attributes:
        faults: one sentence each, in the order found.
    """

    def __init__(self, faults: Sequence[str] | str) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))

    def __reduce__(self) -> tuple[type, tuple[tuple[str, ...]]]:
        """Pickle by the faults: errors cross from worker processes to the driver."""
        return type(self), (self.faults,)


class SpecError(FaultsError):
    """A study spec, its settings or its search space breaks a rule."""


class TargetError(SpecError):
    """A target set names no matrix of the model, or is not written as one."""


class DataError(FaultsError):
    """A data file breaks its format; each fault names file and line."""


class UsageError(FaultsError):
    """The command line cannot be understood."""


class StorageError(SweepError, RuntimeError):
    """The study database cannot be opened, or does not hold what was asked for."""


class HeldError(StorageError):
    """Another process drives the study, or has taken it over."""


class ResumeError(SweepError, RuntimeError):
    """A study would go on with another spec, data set or base than it began with."""


class InputChangedError(SweepError, RuntimeError):
    """What a trial reads was changed while it was read: no configuration is to blame."""


class TrialError(SweepError, RuntimeError):
    """One trial failed; it never gets a number in place of its reason."""
