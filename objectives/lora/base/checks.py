"""A base's weight files: which they are, and whether they are safe and whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import CONFIG_MAPPING, __version__

from objectives.lora.base.config_rules import saved_faults
from objectives.lora.base.trust import PICKLE_RULE, PICKLE_WAY_OUT, Trust
from objectives.lora.memory import ran_out
from sweep.errors import SpecError, SweepError, fault

SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"
_LISTED = 5
_REASON = 200
"""Characters of a library's message that are shown."""
COPY_AGAIN = "Copy or download the base again"


def weight_files(folder: Path) -> list[Path]:
    """The files that ``from_pretrained`` reads, sorted; none if an index cannot be read.

    One safetensors file comes before an index of several, and both before pickles.
    """
    for name in (SAFE, PICKLED):
        if (folder / name).is_file():
            return [folder / name]
        index = _index(folder, name)
        if index.is_file():
            try:
                return [folder / shard for shard in _shards(index)]
            except (OSError, ValueError):
                return []
    return []


def has_safe_weights(folder: Path) -> bool:
    """Whether there are safetensors, whole or not."""
    return (folder / SAFE).is_file() or _index(folder, SAFE).is_file()


def weight_faults(folder: Path, trust: Trust) -> list[str]:
    """What is wrong with the weights of a folder, in words; reads no numbers.

    Args:
        folder: the base.
        trust: whether pickles may be read.
    """
    for name in (SAFE, PICKLED):
        index = _index(folder, name)
        if not (folder / name).is_file() and not index.is_file():
            continue
        if name == PICKLED and not trust.pickle:
            return [fault("base", PICKLE_RULE, str(folder), way_out=PICKLE_WAY_OUT)]
        return _index_faults(folder, name) or _file_faults(folder)
    held = ", ".join(sorted(path.name for path in folder.iterdir())[:_LISTED]) or "nothing"
    rule = f"hold its weights as {SAFE} or {_index(folder, SAFE).name} with its shards"
    way_out = "Give the folder that save_pretrained wrote"
    return [fault("base", rule, str(folder), where=f"it holds {held}", way_out=way_out)]


def _index(folder: Path, name: str) -> Path:
    """The file that lists the shards of a large model."""
    return folder / f"{name}.index.json"


def _shards(index: Path) -> list[str]:
    """The file names in an index.

    Raises:
        OSError, ValueError: if it cannot be read, or is no index.
    """
    tree = json.loads(index.read_text(encoding="utf-8"))
    files = tree.get("weight_map") if isinstance(tree, Mapping) else None
    if not isinstance(files, Mapping) or not all(isinstance(f, str) for f in files.values()):
        raise ValueError("it has no weight_map of file names")
    return sorted(set(files.values()))


def _index_faults(folder: Path, name: str) -> list[str]:
    """What is wrong with the list of shards, if that is what is read."""
    if (folder / name).is_file():
        return []
    index = _index(folder, name)
    try:
        shards = _shards(index)
    except (OSError, ValueError, RecursionError) as error:
        rule = "list the weight files as JSON"
        return [fault(index.name, rule, str(error), where=str(folder), way_out=COPY_AGAIN)]
    missing = [shard for shard in shards if not (folder / shard).is_file()]
    if not missing and shards:
        return []
    more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
    got = f"{', '.join(missing[:_LISTED])}{more} missing" if missing else "no shard"
    rule = f"hold every weight file that {index.name} lists"
    return [fault("base", rule, got, where=str(folder), way_out=COPY_AGAIN)]


def _file_faults(folder: Path) -> list[str]:
    """One fault per file that is cut short or is something else."""
    faults = []
    for path in weight_files(folder):
        try:
            _open_weights(path)
        except Exception as error:
            if ran_out(error):
                raise
            rule, got = "be a whole weight file", reason(error)
            faults.append(fault(path.name, rule, got, where=str(folder), way_out=COPY_AGAIN))
    return faults


def _open_weights(path: Path) -> None:
    """Read the names and shapes in a file; whatever its library raises says it is damaged."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            held: Any = list(file.keys())
    else:
        # On the meta device the numbers stay on disk. weights_only keeps most pickles' code out.
        held = torch.load(path, map_location="meta", weights_only=True)
        if not isinstance(held, Mapping):
            raise TypeError(f"it holds a {type(held).__name__} in place of tensors by name")
    if not held:
        raise ValueError("it holds no tensor")


def reason(error: BaseException) -> str:
    """What a library says about a failure, on one line of bearable length."""
    text = " ".join(str(error).split())
    short = text if len(text) <= _REASON else text[:_REASON] + "..."
    return f"{type(error).__name__}: {short.rstrip('.') or 'no reason given'}"


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
