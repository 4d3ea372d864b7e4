"""A base's weight files: which they are, and whether they are safe and whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from objectives.binding.memory import ran_out
from objectives.binding.trust import PICKLE_RULE, PICKLE_WAY_OUT, Trust
from sweep.errors import fault

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
