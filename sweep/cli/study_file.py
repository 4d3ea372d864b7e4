"""Load a ``StudySpec`` from a module or file, and apply command-line options."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sweep.cli.options import NamedStudy, amount
from sweep.errors import SpecError, SweepError, UsageError, fault
from sweep.files.location import is_file
from sweep.study.source import Source, put_last
from sweep.study.spec import StudySpec


def load_spec(named: str) -> StudySpec:
    """The ``STUDY`` of a module (``studies.demo``) or of a file (``studies/demo.py``).

    Raises:
        SpecError: if there is no such module or file, it fails, or it has no ``STUDY``.
    """
    module = _from_file(named) if named.endswith(".py") else _from_module(named)
    spec = getattr(module, "STUDY", None)
    if not isinstance(spec, StudySpec):
        got = f"a {type(spec).__name__}" if hasattr(module, "STUDY") else "nothing of that name"
        raise SpecError(fault("STUDY", "be a StudySpec(...)", got, where=named))
    return spec


def _from_module(named: str) -> ModuleType:
    if "" not in sys.path:  # a console script does not search the current folder
        sys.path.insert(0, "")
    if not all(part.isidentifier() for part in named.split(".")):
        raise SpecError(_no_module(named, "no name of a module"))
    with _told(named):
        try:
            return importlib.import_module(named)
        except ModuleNotFoundError as error:
            if not f"{named}.".startswith(f"{error.name}."):  # raised by one of its own imports
                raise
            raise SpecError(_no_module(named, str(error))) from error


def _no_module(named: str, why: str) -> str:
    way_out = "Write it like studies.demo, or give the path of the file"
    rule = "be an importable module or a .py file"
    return fault("the study", rule, named, where=why, way_out=way_out)


def _from_file(named: str) -> ModuleType:
    path = Path(named)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not is_file(path) or spec is None or spec.loader is None:
        raise SpecError(fault("the study file", "exist", named, way_out="Check the path"))
    module = importlib.util.module_from_spec(spec)
    put_last(str(path.resolve().parent))  # the objective may be there
    with _told(named):
        spec.loader.exec_module(module)
    return module


def source_of(named: str, spec: StudySpec) -> Source:
    """The folders of the code of a study read by ``load_spec``."""
    if named.endswith(".py"):
        folder = Path(named).resolve().parent
    else:
        file, depth = getattr(sys.modules[named], "__file__", None), named.count(".")
        whole = Path(file or ".").resolve()
        folder = whole.parents[depth + (whole.name == "__init__.py")]
    return Source.of(str(folder), spec.objective)


@contextlib.contextmanager
def _told(named: str) -> Iterator[None]:
    """Turn any exception of a study's code into one fault, with its line."""
    try:
        yield
    except SweepError:
        raise
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {getattr(error, 'msg', error)}"  # msg omits the place
        rule, way_out = "run without an error", "Correct the study, or what it imports"
        text = fault(named, rule, said, where=_place(error), way_out=way_out)
        raise SpecError(text) from error


def _place(error: BaseException) -> str:
    """File and line: of a syntax error, or of the first frame in the study's code."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        if name not in (__file__, importlib.__file__) and not name.startswith("<frozen "):
            return f"{name}, line {line}"
    return ""


def apply_options(spec: StudySpec, options: NamedStudy) -> StudySpec:
    """The spec with the command line's changes.

    Raises:
        UsageError: if a ``--set`` is not NAME=VALUE, or a number of workers or lanes is invalid.
        SpecError: if the changed spec is invalid.
    """
    for name in ("workers", "pack"):
        amount(options, name)  # checked first
    settings = read_settings(getattr(options, "settings", []))
    for flag in ("skip_bad", "allow_pickle", "trust_remote_code"):
        if getattr(options, flag, False):
            settings[flag] = True
    given = {name: value for name, value in vars(options).items() if value is not None}
    policy = ("on_failure", "max_retries", "keep")
    return spec.with_changes(
        name=options.name,
        trials=given.get("trials"),
        seconds=given.get("seconds"),
        inputs={name: lasting(given[name]) for name in ("data", "base") if name in given},
        settings=settings,
        policy={name: given[name] for name in policy if name in given},
    )


def lasting(path_or_name: str) -> str:
    """A path as an absolute one, so that a resume from any folder finds it; names are unchanged."""
    try:
        path = Path(path_or_name).expanduser()
        return str(path.resolve()) if path.exists() else path_or_name
    except (OSError, RuntimeError, ValueError):  # too long, or an unknown user's home: no path
        return path_or_name


def read_settings(pairs: list[str]) -> dict[str, Any]:
    """Settings from ``NAME=VALUE``, where a value is JSON or else a string.

    Raises:
        UsageError: lists all that are not written so.
    """
    settings: dict[str, Any] = {}
    wrong = []
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign or not name.isidentifier():
            wrong.append(fault("--set", "be NAME=VALUE", pair, way_out="For example epochs=2"))
            continue
        try:
            settings[name] = json.loads(text)
        except (ValueError, RecursionError):  # no JSON, or nested too deeply
            settings[name] = text  # a string
    if wrong:
        raise UsageError(wrong)
    return settings
