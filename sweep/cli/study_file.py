"""From what the user names to a ``StudySpec``."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from sweep.errors import SpecError, UsageError, fault
from sweep.spec import StudySpec


def load_spec(named: str) -> StudySpec:
    """The ``STUDY`` of a module (``studies.demo``) or of a file (``studies/demo.py``).

    Raises:
        SpecError: if there is no such module or file, or it holds no ``STUDY``.
    """
    module = _from_file(Path(named)) if named.endswith(".py") else _from_module(named)
    spec = getattr(module, "STUDY", None)
    if not isinstance(spec, StudySpec):
        raise SpecError(
            fault("the study file", "hold STUDY = StudySpec(...)", named, where=str(module))
        )
    return spec


def _from_module(named: str) -> ModuleType:
    if "" not in sys.path:  # a console script does not look in the current folder
        sys.path.insert(0, "")
    try:
        return importlib.import_module(named)
    except ImportError as error:
        raise SpecError(
            fault(
                "the study",
                "be an importable module or a .py file",
                named,
                where=str(error),
                way_out="Write it like studies.demo, or give the path of the file",
            )
        ) from error


def _from_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise SpecError(fault("the study file", "exist", str(path), way_out="Check the path"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def apply_options(spec: StudySpec, options: argparse.Namespace) -> StudySpec:
    """The spec with what the command line overrides.

    Raises:
        UsageError: if a ``--set`` is not NAME=VALUE.
        SpecError: if an override breaks a rule.
    """
    settings = _settings(getattr(options, "settings", []))
    for flag in ("skip_bad", "allow_pickle", "trust_remote_code"):
        if getattr(options, flag, False):
            settings[flag] = True
    policy = {
        name: value
        for name in ("on_failure", "max_retries", "keep")
        if (value := getattr(options, name, None)) is not None
    }
    inputs = {
        name: _lasting(value)
        for name in ("data", "base")
        if (value := getattr(options, name, None)) is not None
    }
    return spec.with_changes(
        name=options.name,
        trials=getattr(options, "trials", None),
        seconds=getattr(options, "seconds", None),
        inputs=inputs,
        settings=settings,
        policy=policy,
    )


def _lasting(path_or_name: str) -> str:
    """A path that a resume finds from any folder; names of hubs and built-ins stay names."""
    path = Path(path_or_name).expanduser()
    return str(path.resolve()) if path.exists() else path_or_name


def _settings(pairs: list[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    wrong = []
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign or not name.isidentifier():
            wrong.append(fault("--set", "be NAME=VALUE", pair, way_out="For example epochs=2"))
            continue
        try:
            settings[name] = json.loads(text)
        except json.JSONDecodeError:
            settings[name] = text  # a bare word is a string
    if wrong:
        raise UsageError(wrong)
    return settings
