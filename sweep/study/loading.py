"""Import an objective by its dotted name, and build it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from sweep.errors import SpecError, fault
from sweep.study.function import FUNCTION, NOTEBOOK, FunctionRuns
from sweep.study.objective import Objective

METHODS = ("facts", "check", "run")
"""The methods that an objective must have."""


def load_objective(
    dotted: str, settings: Mapping[str, Any], inputs: Mapping[str, str]
) -> Objective:
    """Import ``package.module:Name`` and build the objective.

    A name of a function ``f(params, report)`` is marked as such by the setting ``FUNCTION``.

    Raises:
        SpecError: if the name cannot be imported or is not an objective, or a setting is invalid.
    """
    module_name, _, attribute = dotted.partition(":")
    if module_name == NOTEBOOK:
        rule, way_out = "be in a module", "Go on in the script or notebook, with sweep.optimize"
        raise SpecError(fault("objective", rule, dotted, way_out=way_out))
    try:
        factory: Any = getattr(importlib.import_module(module_name), attribute)
    except Exception as error:  # importing runs code that may raise anything
        said = str(error) if isinstance(error, (ImportError, AttributeError)) else repr(error)
        rule = "name something importable as 'package.module:Name'"
        way_out = "Correct the name in the study file, or install what it needs"
        raise SpecError(fault("objective", rule, dotted, where=said, way_out=way_out)) from error
    if FUNCTION in settings:
        return FunctionRuns(factory, settings, inputs)
    misfit = _misfit(factory)
    if misfit:
        rule = "name a class or function that takes settings and inputs"
        raise SpecError(fault("objective", rule, dotted, where=misfit))
    objective: Objective = factory(settings, inputs)
    lacking = [name for name in METHODS if not callable(getattr(objective, name, None))]
    if lacking:
        rule = f"build an object with {', '.join(METHODS)}"
        where = f"it builds a {type(objective).__name__} without {', '.join(lacking)}"
        raise SpecError(fault("objective", rule, dotted, where=where))
    return objective


def _misfit(factory: object) -> str:
    """Why an object cannot be called with settings and inputs; empty if it can."""
    if not callable(factory):
        return f"it is a {type(factory).__name__}"
    try:
        inspect.signature(factory).bind({}, {})
    except TypeError as error:
        return str(error)
    except ValueError:  # C code without a signature
        return ""
    return ""
