"""A base's folder, looked over before any library reads it: one sentence per thing amiss."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import CONFIG_MAPPING, __version__

from objectives.binding.config_rules import saved_faults
from objectives.binding.memory import ran_out
from objectives.binding.trust import Trust
from objectives.binding.weights import COPY_AGAIN, reason, weight_faults
from sweep.errors import SpecError, SweepError, fault

CONFIG = "config.json"
_MAY_NAME_CODE = (CONFIG, "tokenizer_config.json")


def check_folder(folder: Path, trust: Trust) -> None:
    """Refuse a base that is not whole, or that would run code nobody asked for.

    Args:
        folder: the base.
        trust: what it may bring beyond numbers and names.

    Raises:
        SpecError: with all faults at once.
    """
    if not folder.is_dir():
        rule = "be a folder" if folder.exists() else "be an existing folder"
        way_out = "Give the folder that holds config.json" if folder.exists() else "Check the path"
        raise SpecError(fault("base", rule, str(folder), way_out=way_out))
    try:
        faults = [*_config_faults(folder), *_code_faults(folder, trust)]
        faults += weight_faults(folder, trust)
    except OSError as error:  # gone or forbidden while it is looked over
        raise SpecError(fault("base", "be readable", str(folder), where=str(error))) from error
    if faults:
        raise SpecError(faults)


@contextmanager
def reading(folder: Path, rule: str, way_out: str = COPY_AGAIN) -> Iterator[None]:
    """Tell whatever a library raises over a base as one fault; running out of memory is none.

    Args:
        folder: the base.
        rule: what it breaks if the body fails, without the leading ``must``.
        way_out: what to do about it.

    Raises:
        SpecError: in place of the body's exception.
    """
    try:
        yield
    except SweepError:
        raise
    except Exception as error:
        if ran_out(error) or isinstance(error, torch.AcceleratorError):  # no fault of the base
            raise
        where = reason(error)
        raise SpecError(fault("base", rule, str(folder), where=where, way_out=way_out)) from error


def _config_faults(folder: Path) -> list[str]:
    """What is wrong with config.json before transformers reads it."""
    path = folder / CONFIG
    if not path.is_file():
        rule = f"hold {CONFIG}"
        return [fault("base", rule, str(folder), way_out="Give the folder of one model")]
    try:
        config = _json(path)
    except (ValueError, RecursionError) as error:
        rule = "be a JSON object"
        return [fault(CONFIG, rule, str(error), where=str(folder), way_out=COPY_AGAIN)]
    known = config.get("model_type")
    own_class = isinstance(config.get("auto_map"), dict) and "AutoConfig" in config["auto_map"]
    if isinstance(known, str) and (known in CONFIG_MAPPING or own_class):
        return saved_faults(folder, config)
    rule = f"name a model_type that transformers {__version__} knows"
    way_out = "Give an ESM-2 or another encoder, or update transformers"
    return [fault(CONFIG, rule, known, where=str(folder), way_out=way_out)]


def _code_faults(folder: Path, trust: Trust) -> list[str]:
    """Refuse Python modules of the base's own, unless they are trusted."""
    if trust.code:
        return []
    named = [name for name in _MAY_NAME_CODE if _names_code(folder / name)]
    if not named:
        return []
    return [
        fault(
            "base",
            "bring no code of its own, which could do anything on this machine",
            str(folder),
            where=f"auto_map in {' and '.join(named)}",
            way_out="Read that code and give --trust-remote-code, or give another base",
        )
    ]


def _names_code(path: Path) -> bool:
    """Whether a configuration names Python modules; one that cannot be read names none."""
    try:
        return bool(_json(path).get("auto_map"))
    except (OSError, ValueError, RecursionError):
        return False  # missing, or told as a fault of its own


def _json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        OSError, ValueError: if it cannot be read or is something else.
    """
    tree = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(tree, dict):
        raise ValueError(f"a JSON {type(tree).__name__}")  # noqa: TRY004  # JSON's own faults are ValueErrors
    return tree
