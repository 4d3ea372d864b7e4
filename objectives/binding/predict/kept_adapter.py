"""A folder that ``objectives.binding.kept`` wrote, read back and checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from objectives.binding.adapter import AdapterConfig
from objectives.binding.predict.kept_rules import CONFIGURATION, COPY_AGAIN, RECORD, broken_rules
from objectives.binding.settings import BindingSettings
from objectives.data.shown import printable, reason, shown
from sweep.errors import SpecError, fault

TRIAL, CONFIG = "trial.json", "adapter_config.json"
ADAPTER, HEAD = "adapter_model.safetensors", "head.safetensors"
_PREFIX, _LORA_A = "base_model.model.", ".lora_A.weight"


@dataclass(frozen=True)
class KeptAdapter:
    """What a trial left.

    Attributes:
        folder: where it lies.
        base: the base's name, as the trial was given it.
        fingerprint: of the base, see ``objectives.binding.source.fingerprint``.
        threshold: the probability above which validation's MCC was highest.
        settings: the trial's.
        compute_dtype: in which it was trained.
        seed: the trial's.
        config: of the adapter; without modules where the head alone was trained.
        tensors: as PEFT shapes them, by their names in the model.
    """

    folder: Path
    base: str
    fingerprint: str
    threshold: float
    settings: BindingSettings
    compute_dtype: str
    seed: int
    config: AdapterConfig
    tensors: Mapping[str, torch.Tensor]


def read_adapter(folder: Path) -> KeptAdapter:
    """Read an adapter, or a head alone, with the record of its trial.

    Raises:
        SpecError: with all faults of the folder.
    """
    held = _weights_file(folder)
    trial = _json(folder / TRIAL)
    peft = _json(folder / CONFIG) if held.name == ADAPTER else {}
    faults = broken_rules(trial, RECORD, folder / TRIAL)
    faults += broken_rules(peft, CONFIGURATION, folder / CONFIG) if peft else []
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
    """The file of what was trained.

    Raises:
        SpecError: if the folder holds none, or no record of a trial.
    """
    name = printable(str(folder))
    try:
        found = [folder / each for each in (ADAPTER, HEAD) if (folder / each).is_file()]
        whole = len(found) == 1 and (folder / TRIAL).is_file()
        inner = (folder / "adapter" / TRIAL).is_file()
        exists = folder.is_dir()
    except (OSError, ValueError) as error:  # a name too long, or forbidden
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
    """A JSON object.

    Raises:
        SpecError: if the file holds none.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        where = f"{printable(str(path.parent))}: {reason(error)}"
        text = fault(
            path.name, "be JSON that can be read", path.name, where=where, way_out=COPY_AGAIN
        )
        raise SpecError(text) from error
    if not isinstance(tree, dict):
        where = printable(str(path.parent))
        raise SpecError(fault(path.name, "hold a JSON object", shown(tree), where=where))
    return tree


def _changed_files(folder: Path, digests: object) -> list[str]:
    """Each file whose contents are not those that the trial wrote; older records tell of none."""
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
    """What was trained, by its names in the model.

    Raises:
        SpecError: if the file is damaged, or a number in it is NaN or infinite.
    """
    try:
        held = load_file(path)
    except (OSError, SafetensorError) as error:
        where = f"{printable(str(path.parent))}: {reason(error)}"
        rule = "be a whole safetensors file"
        raise SpecError(
            fault(path.name, rule, path.name, where=where, way_out=COPY_AGAIN)
        ) from error
    broken = [name for name, tensor in held.items() if not bool(torch.isfinite(tensor).all())]
    if broken:
        where = printable(str(path.parent))
        raise SpecError(fault(path.name, "hold finite numbers only", broken[0], where=where))
    return {name.removeprefix(_PREFIX): tensor for name, tensor in held.items()}


def _adapter_config(
    peft: Mapping[str, Any], targets: str, names: Sequence[str] | Mapping[str, Any]
) -> AdapterConfig:
    """The adapter; its modules by the tensors, since PEFT may shorten their names."""
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
