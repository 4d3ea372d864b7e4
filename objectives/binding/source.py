"""Where a base model is, and what it holds: names in, local folders and digests out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers import AutoConfig

from objectives import builtin
from sweep.errors import SpecError, fault

BUILTIN = "builtin:"
_COMMON = ("*.json", "*.txt", "*.model")
_VOLATILE = ("transformers_version", "_name_or_path", "dtype", "torch_dtype", "architectures")
_CHUNK_BYTES = 1 << 20


def locate(base: str) -> Path:
    """Find a base model's folder, downloading it from the Hub if need be.

    Args:
        base: a local folder in ``transformers`` format, a Hub id, or ``builtin:NAME``.

    Raises:
        SpecError: if there is no such model, or it cannot be fetched.
    """
    if base.startswith(BUILTIN):
        folder = builtin.path(base.removeprefix(BUILTIN))
    else:
        folder = Path(base).expanduser()
    if folder.is_dir():
        missing = [] if (folder / "config.json").is_file() else ["config.json"]
        if missing or not weight_files(folder):
            rule = "hold config.json and model weights (.safetensors or .bin)"
            raise SpecError(fault("base", rule, base, way_out="Give the folder of one model"))
        return folder
    if folder.exists() or folder.is_absolute() or base.startswith((".", "~")):
        raise SpecError(fault("base", "be an existing folder", base, way_out="Check the path"))
    return _from_hub(base)


def _from_hub(name: str) -> Path:
    """The local snapshot of a Hub model; safetensors preferred to pickled weights."""
    try:
        folder = Path(snapshot_download(name, allow_patterns=[*_COMMON, "*.safetensors"]))
        if not weight_files(folder):
            folder = Path(snapshot_download(name, allow_patterns=[*_COMMON, "*.bin"]))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise SpecError(
            fault(
                "base",
                "be a local folder, a model of the Hugging Face Hub, or 'builtin:NAME'",
                name,
                where=f"{type(error).__name__}: {reason}",
                way_out="Correct the name, go online, or download the model and give its folder",
            )
        ) from error
    if not weight_files(folder):
        raise SpecError(fault("base", "hold model weights (.safetensors or .bin)", name))
    return folder


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights, sorted by name."""
    safe = sorted(folder.glob("*.safetensors"))
    return safe or sorted(folder.glob("pytorch_model*.bin"))


def fingerprint(folder: Path) -> str:
    """16 hexadecimal digits over a model's configuration and weights, wherever it lies."""
    digest = hashlib.sha256()
    config = AutoConfig.from_pretrained(folder).to_diff_dict()
    kept = {key: value for key, value in config.items() if key not in _VOLATILE}
    digest.update(json.dumps(kept, sort_keys=True, default=str).encode())
    for path in weight_files(folder):
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()[:16]
