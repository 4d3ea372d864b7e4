"""Read and validate an adapter folder that ``objectives.lora.training.saved_adapter`` wrote."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from objectives.data.errors import reason, shown
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.settings import BindingSettings
from sweep.errors import SpecError, fault
from sweep.study.rules import above, between, count, one_of
from sweep.terminal.printable import printable

COPY_AGAIN = "Copy the folder again from where the trial kept it"


@dataclass(frozen=True)
class _Rule:
    """A validation rule for one entry of a JSON object."""

    name: str  # key of the entry
    words: str  # what the value must be, for messages
    holds: Callable[[object], bool]  # returns whether a value is valid
    default: object = None  # value of a missing entry


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _plain(name: str, value: object) -> _Rule:
    """The rule that an entry has the only value that sweeps write; PEFT allows others."""
    return _Rule(name, f"be {value!r}, as a sweep keeps it", lambda got: got == value, value)


RECORD = (
    _Rule("base", "be the name of a base", _text),
    _Rule(
        "fingerprints",
        "be an object that holds the base's",
        lambda got: isinstance(got, dict) and _text(got.get("base")),
    ),
    # only of a binary task; see ``read_adapter`` for others
    _Rule("threshold", "be a probability", lambda got: got == 1 or between(0, 1)(got)),
    _Rule("settings", "be an object", lambda got: isinstance(got, dict)),
    _Rule("compute_dtype", "be the name of a dtype", _text),
    _Rule("seed", "be a whole number of 0 or more", count(0)),
)
"""Rules of ``trial.json``."""

CONFIGURATION = (
    _Rule("r", "be a whole number of 1 or more", count(1)),
    _Rule("lora_alpha", "be a number above 0", above(0)),
    _Rule("lora_dropout", "be a number from 0 to below 1", between(0, 1), 0.0),
    _Rule("use_rslora", "be true or false", one_of(True, False), default=False),
    _plain("peft_type", "LORA"),
    _plain("use_dora", value=False),
    _plain("rank_pattern", {}),
    _plain("alpha_pattern", {}),
    _plain("bias", "none"),
)
"""Rules of ``adapter_config.json``."""


def _broken_rules(tree: Mapping[str, Any], rules: Sequence[_Rule], path: Path) -> list[str]:
    """The errors of all entries of a file's JSON object that break a rule."""
    where, way_out = printable(str(path.parent)), COPY_AGAIN
    return [
        fault(
            f"{path.name}: {rule.name}",
            rule.words,
            shown(tree.get(rule.name)),
            where=where,
            way_out=way_out,
        )
        for rule in rules
        if not rule.holds(tree.get(rule.name, rule.default))
    ]


TRIAL, CONFIG = "trial.json", "adapter_config.json"
ADAPTER, HEAD = "adapter_model.safetensors", "head.safetensors"
_PREFIX, _LORA_A = "base_model.model.", ".lora_A.weight"


@dataclass(frozen=True)
class KeptAdapter:
    """A trial's saved adapter, or head alone, with the record of the trial."""

    folder: Path  # that it was read from
    base: str  # name of the base model, as the trial was given it
    fingerprint: str  # of the base, see ``objectives.lora.base.source.fingerprint``
    threshold: float  # the probability threshold with the highest MCC on validation
    settings: BindingSettings  # of the trial
    compute_dtype: str  # of the training
    seed: int  # of the trial
    config: AdapterConfig  # of the adapter; without modules if only the head was trained
    tensors: Mapping[str, torch.Tensor]  # trained, in PEFT's shapes, by name


def read_adapter(folder: Path) -> KeptAdapter:
    """Read a saved adapter, or a head alone, with the record of its trial.

    Raises:
        SpecError: with all errors of the folder.
    """
    held = _weights_file(folder)
    trial = _json(folder / TRIAL)
    task = trial.get("task", "residue_binary")
    if task != "residue_binary":
        rule = "be of the task residue_binary, the only one that predict knows"
        way_out = "Load it in PEFT as trial.json says under 'load'"
        raise SpecError(fault("--adapter", rule, shown(task), way_out=way_out))
    peft = _json(folder / CONFIG) if held.name == ADAPTER else {}
    faults = _broken_rules(trial, RECORD, folder / TRIAL)
    faults += _broken_rules(peft, CONFIGURATION, folder / CONFIG) if peft else []
    settings = BindingSettings()
    if isinstance(trial.get("settings"), dict):
        try:
            settings = BindingSettings.from_mapping(trial["settings"])
        except SpecError as error:
            faults += error.faults
    if settings.label_shift:
        rule, way_out = "have been trained on labels in place", "Retrain with label_shift=0"
        faults.append(fault("--adapter", rule, "label_shift 1", way_out=way_out))
    faults = faults or _changed_files(folder, trial.get("sha256"))
    if faults:
        raise SpecError(faults)
    tensors = _tensors(held)
    return KeptAdapter(
        folder=folder,
        base=trial["base"],
        fingerprint=trial["fingerprints"]["base"],
        threshold=float(trial["threshold"]),
        settings=settings,
        compute_dtype=trial["compute_dtype"],
        seed=trial["seed"],
        config=_adapter_config(peft, settings.targets, tensors),
        tensors=tensors,
    )


def _weights_file(folder: Path) -> Path:
    """The file of the trained weights."""
    name = printable(str(folder))
    try:
        found = [folder / each for each in (ADAPTER, HEAD) if (folder / each).is_file()]
        whole = len(found) == 1 and (folder / TRIAL).is_file()
        inner = (folder / "adapter" / TRIAL).is_file()
        exists = folder.is_dir()
    except (OSError, ValueError) as error:  # a name too long, or no permission
        text = fault("--adapter", "be a folder that can be read", name, where=reason(error))
        raise SpecError(text) from error
    if whole:
        return found[0]
    way_out = f"Give {name}/adapter" if inner else "'lorasweep status' says where adapters are kept"
    if not exists:
        rule = "be an existing folder"
    elif len(found) > 1:
        rule, way_out = f"hold either {ADAPTER} or {HEAD}", COPY_AGAIN
    else:
        rule = f"be a folder that a trial kept, with {TRIAL} and {ADAPTER} or {HEAD}"
    raise SpecError(fault("--adapter", rule, name, way_out=way_out))


def _json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file."""
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        where = f"{printable(str(path.parent))}: {reason(error)}"
        rule, name = "be JSON that can be read", path.name
        raise SpecError(fault(name, rule, name, where=where, way_out=COPY_AGAIN)) from error
    if not isinstance(tree, dict):
        where = printable(str(path.parent))
        raise SpecError(fault(path.name, "hold a JSON object", shown(tree), where=where))
    return tree


def _changed_files(folder: Path, digests: object) -> list[str]:
    """Errors of the files that do not match their SHA-256; older records have no digests."""
    if not isinstance(digests, dict):
        return []
    faults = []
    for name in (ADAPTER, HEAD, CONFIG):
        path = folder / name
        if name in digests and path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest != digests[name]:
                rule, where = "have the SHA-256 that trial.json says", printable(str(folder))
                faults.append(fault(name, rule, digest, where=where, way_out=COPY_AGAIN))
    return faults


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    """The trained tensors by their names in the model."""
    try:
        held = load_file(path)
    except (OSError, SafetensorError) as error:
        where = f"{printable(str(path.parent))}: {reason(error)}"
        rule, name = "be a whole safetensors file", path.name
        raise SpecError(fault(name, rule, name, where=where, way_out=COPY_AGAIN)) from error
    broken = [name for name, tensor in held.items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        where = printable(str(path.parent))
        raise SpecError(fault(path.name, "hold finite numbers only", broken[0], where=where))
    return {name.removeprefix(_PREFIX): tensor for name, tensor in held.items()}


def _adapter_config(
    peft: Mapping[str, Any], targets: str, names: Sequence[str] | Mapping[str, Any]
) -> AdapterConfig:
    """The adapter's configuration; modules from the tensors' names, as PEFT may shorten its own."""
    modules = tuple(name.removesuffix(_LORA_A) for name in sorted(names) if name.endswith(_LORA_A))
    if not peft:
        return AdapterConfig(rank=0, alpha=1.0, targets="none", modules=())
    return AdapterConfig(
        rank=peft["r"],
        alpha=peft["lora_alpha"],
        targets=targets,
        modules=modules,
        dropout=float(peft.get("lora_dropout", 0.0)),
        rslora=peft.get("use_rslora", False),
    )
