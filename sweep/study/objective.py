"""The contract between the framework and what a trial does.

The framework finds an objective by the dotted name in the spec and knows nothing
else of it: no torch, no model, no data format.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sweep.errors import SpecError, fault
from sweep.study.space import Space
from sweep.study.trial import Leave, Pack, Refill, Report, TrialResult, nobody_waits, stay

METHODS = ("facts", "check", "run")
"""What an objective can do."""


@dataclass(frozen=True)
class ObjectiveInfo:
    """What an objective depends on beyond the spec, as found on this machine.

    Attributes:
        fingerprints: input name (``data``, ``base``) to a digest of its *content*, so
            that a moved folder is the same input and a changed file is not.
        versions: package name to version.
        workers: how many worker processes suit this machine.
        pack: how many trials one of them does best to run together.
        about: JSON-ready description for people (chains, residues, parameters).
        pinned: settings that were left to the machine and that all trials of a study must share,
            as this machine has them. A study keeps those of the machine that began it, and its
            objective is built with them from then on.
    """

    fingerprints: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    workers: int = 1
    pack: int = 1
    about: Mapping[str, Any] = field(default_factory=dict)
    pinned: Mapping[str, Any] = field(default_factory=dict)


class Objective(Protocol):
    """What a trial does. Made once per worker process from settings and inputs."""

    def facts(self) -> ObjectiveInfo:
        """Read the inputs and tell what they are.

        Raises:
            SweepError: if an input cannot be read.
        """
        ...

    def check(self, space: Space, baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Resolve everything a trial would need, training nothing.

        Returns:
            A JSON-ready report.

        Raises:
            SpecError: with all faults of the space and settings at once.
        """
        ...

    def run(
        self, pack: Pack, report: Report, leave: Leave = stay, refill: Refill = nobody_waits
    ) -> list[TrialResult]:
        """Evaluate a pack of trials together; a trial that fails is a result, not an exception.

        A trial that is over leaves its pack at once: its result goes to ``refill``, which may
        give another trial to run in its place, of which the same holds. Each result is handed
        over once, to ``refill`` or in what is returned; all are returned where ``refill`` is
        ``nobody_waits``. What a trial yields does not depend on those it runs with.

        A trial may keep a checkpoint in its ``folder``. When ``leave`` says so it writes one
        and returns ``TrialResult.interrupted``; when it is run again it goes on from there,
        reporting its earlier evaluation points once more, in order.
        """
        ...


class ObjectiveFactory(Protocol):
    """A class or function that builds an objective."""

    def __call__(self, settings: Mapping[str, Any], inputs: Mapping[str, str]) -> Objective:
        """Build the objective; raises ``SpecError`` with all faults of the settings."""
        ...


def load_objective(
    dotted: str, settings: Mapping[str, Any], inputs: Mapping[str, str]
) -> Objective:
    """Import ``package.module:Name`` and build the objective.

    Raises:
        SpecError: if the name cannot be imported or is no objective's, or the settings
            break a rule.
    """
    module_name, _, attribute = dotted.partition(":")
    try:
        factory: ObjectiveFactory = getattr(importlib.import_module(module_name), attribute)
    except Exception as error:  # importing runs code, which may raise anything
        said = str(error) if isinstance(error, (ImportError, AttributeError)) else repr(error)
        raise SpecError(
            fault(
                "objective",
                "name something importable as 'package.module:Name'",
                dotted,
                where=said,
                way_out="Correct the name in the study file, or install what it needs",
            )
        ) from error
    misfit = _misfit(factory)
    if misfit:
        rule = "name a class or function that takes settings and inputs"
        raise SpecError(fault("objective", rule, dotted, where=misfit))
    objective = factory(settings, inputs)
    lacking = [name for name in METHODS if not callable(getattr(objective, name, None))]
    if lacking:
        rule = f"build an object with {', '.join(METHODS)}"
        where = f"it builds a {type(objective).__name__} without {', '.join(lacking)}"
        raise SpecError(fault("objective", rule, dotted, where=where))
    return objective


def _misfit(factory: object) -> str:
    """Why something cannot be called as an objective is made; empty if it can."""
    if not callable(factory):
        return f"it is a {type(factory).__name__}"
    try:
        inspect.signature(factory).bind({}, {})
    except TypeError as error:
        return str(error)
    except ValueError:  # of what C code makes, nothing is known
        return ""
    return ""
