"""Checks of a base model's folder: weight files, configuration, and the code it may run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import CONFIG_MAPPING, __version__

from objectives.data.errors import listed
from objectives.lora.memory import ran_out
from objectives.lora.settings import BindingSettings
from sweep.errors import SpecError, SweepError, fault

SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"
_REASON = 200  # maximum number of characters of a library's message in our error messages
COPY_AGAIN = "Copy or download the base again"

PICKLE_RULE = (
    "hold its weights as model.safetensors: a pickle, such as pytorch_model.bin, "
    "can run any code when it is read"
)
PICKLE_WAY_OUT = (
    "Save the model anew with save_pretrained of transformers, or give --allow-pickle if you "
    "trust its origin"
)


@dataclass(frozen=True)
class Trust:
    """Permissions for formats that can run code when a base is loaded."""

    pickle: bool = False  # pickled weights may be read if there are no safetensors
    code: bool = False  # the base may have Python modules of its own (``trust_remote_code``)

    @classmethod
    def from_settings(cls, settings: BindingSettings) -> Trust:
        """The permissions given in a study's settings."""
        return cls(pickle=settings.allow_pickle, code=settings.trust_remote_code)


NO_TRUST = Trust()  # no permissions: safetensors only, no custom code


def weight_files(folder: Path) -> list[Path]:
    """The weight files that ``from_pretrained`` reads, sorted; none if an index is unreadable.

    Order of preference: a safetensors file, an index of safetensors shards, then pickles.
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
    """Whether there is a safetensors file or an index of shards; neither is opened."""
    return (folder / SAFE).is_file() or _index(folder, SAFE).is_file()


def weight_faults(folder: Path, trust: Trust) -> list[str]:
    """Messages of all faults of a folder's weight files; reads no tensor data.

    Args:
        folder: of the base model.
        trust: whether pickles may be read.
    """
    for name in (SAFE, PICKLED):
        index = _index(folder, name)
        if not (folder / name).is_file() and not index.is_file():
            continue
        if name == PICKLED and not trust.pickle:
            return [fault("base", PICKLE_RULE, str(folder), way_out=PICKLE_WAY_OUT)]
        return _index_faults(folder, name) or _file_faults(folder)
    held = ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
    rule = f"hold its weights as {SAFE} or {_index(folder, SAFE).name} with its shards"
    way_out = "Give the folder that save_pretrained wrote"
    return [fault("base", rule, str(folder), where=f"it holds {held}", way_out=way_out)]


def _index(folder: Path, name: str) -> Path:
    """Path of the index file that lists the shards of a large model."""
    return folder / f"{name}.index.json"


def _shards(index: Path) -> list[str]:
    """The names of the shards in an index file; OSError or ValueError if it is none."""
    tree = json.loads(index.read_text(encoding="utf-8"))
    files = tree.get("weight_map") if isinstance(tree, Mapping) else None
    if not isinstance(files, Mapping) or not all(isinstance(f, str) for f in files.values()):
        raise ValueError("it has no weight_map of file names")
    return sorted(set(files.values()))


def _index_faults(folder: Path, name: str) -> list[str]:
    """Faults of the index of shards; none if the weights are a single file."""
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
    got = f"{listed(missing)} missing" if missing else "no shard"
    rule = f"hold every weight file that {index.name} lists"
    return [fault("base", rule, got, where=str(folder), way_out=COPY_AGAIN)]


def _file_faults(folder: Path) -> list[str]:
    """One fault per weight file that is truncated or of another format."""
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
    """Read the names and shapes in a weight file; any exception means that it is damaged."""
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            held: Any = list(file.keys())
    else:
        # On the meta device no tensor data is read; weights_only blocks most code in pickles.
        held = torch.load(path, map_location="meta", weights_only=True)
        if not isinstance(held, Mapping):
            raise TypeError(f"it holds a {type(held).__name__} in place of tensors by name")
    if not held:
        raise ValueError("it holds no tensor")


def reason(error: BaseException) -> str:
    """An exception's class and message on one line, truncated to ``_REASON`` characters."""
    text = " ".join(str(error).split())
    short = text if len(text) <= _REASON else text[:_REASON] + "..."
    return f"{type(error).__name__}: {short.rstrip('.') or 'no reason given'}"


CONFIG, ADAPTER = "config.json", "adapter_config.json"
_MAY_NAME_CODE = (CONFIG, "tokenizer_config.json")


def check_folder(folder: Path, trust: Trust) -> None:
    """Refuse a base that is incomplete, damaged, or would run untrusted code.

    Args:
        folder: of the base model.
        trust: whether pickled weights and custom code are allowed.

    Raises:
        SpecError: with the messages of all faults.
    """
    if not folder.is_dir():
        rule = "be a folder" if folder.exists() else "be an existing folder"
        way_out = "Give the folder that holds config.json" if folder.exists() else "Check the path"
        raise SpecError(fault("base", rule, str(folder), way_out=way_out))
    try:
        faults = [*_config_faults(folder), *_code_faults(folder, trust)]
        faults += weight_faults(folder, trust)
    except OSError as error:  # removed during the check, or no permission
        raise SpecError(fault("base", "be readable", str(folder), where=str(error))) from error
    if faults:
        raise SpecError(faults)


@contextmanager
def reading(folder: Path, rule: str, way_out: str = COPY_AGAIN) -> Iterator[None]:
    """Turn an exception raised within the block into a ``SpecError`` about the base.

    Errors of this project, out-of-memory errors and errors of the accelerator pass unchanged.

    Args:
        folder: of the base model.
        rule: text of the broken rule for the message, without the leading ``must``.
        way_out: what the user can do about it.

    Raises:
        SpecError: in place of the block's exception.
    """
    try:
        yield
    except SweepError:
        raise
    except Exception as error:
        if ran_out(error) or isinstance(error, torch.AcceleratorError):  # not caused by the base
            raise
        where = reason(error)
        raise SpecError(fault("base", rule, str(folder), where=where, way_out=way_out)) from error


def _config_faults(folder: Path) -> list[str]:
    """Faults of config.json, found before transformers reads it."""
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
        return _saved_faults(folder, config)
    rule = f"name a model_type that transformers {__version__} knows"
    way_out = "Give an ESM-2 or another encoder, or update transformers"
    return [fault(CONFIG, rule, known, where=str(folder), way_out=way_out)]


def _saved_faults(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """Faults of a base that was saved quantised, or with an adapter next to its weights."""
    faults: list[str] = []
    quantised = config.get("quantization_config")
    if quantised:
        method = quantised.get("quant_method") if isinstance(quantised, dict) else quantised
        rule = "hold weights that are not quantised: each study quantises them by its settings"
        way_out = "Give the base that this one was made from"
        where = f"quantization_config in config.json of {folder}"
        faults.append(fault("base", rule, method, where=where, way_out=way_out))
    if (folder / ADAPTER).exists():
        rule = f"hold no {ADAPTER} beside its weights, which transformers would add to them"
        way_out = "Merge the adapter (merge_and_unload of PEFT) and save that, or move it away"
        faults.append(fault("base", rule, str(folder), way_out=way_out))
    return faults


def _code_faults(folder: Path, trust: Trust) -> list[str]:
    """A fault if the base names custom Python modules (``auto_map``) that are not trusted."""
    if trust.code:
        return []
    named = [name for name in _MAY_NAME_CODE if _names_code(folder / name)]
    if not named:
        return []
    rule = "bring no code of its own, which could do anything on this machine"
    where = f"auto_map in {' and '.join(named)}"
    way_out = "Read that code and give --trust-remote-code, or give another base"
    return [fault("base", rule, str(folder), where=where, way_out=way_out)]


def _names_code(path: Path) -> bool:
    """Whether a configuration file has an ``auto_map``; false if it cannot be read."""
    try:
        return bool(_json(path).get("auto_map"))
    except (OSError, ValueError, RecursionError):
        return False  # missing, or reported by another check


def _json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file; OSError or ValueError if it is none."""
    tree = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(tree, dict):
        raise ValueError(f"a JSON {type(tree).__name__}")  # noqa: TRY004  # JSON's own faults are ValueErrors
    return tree
