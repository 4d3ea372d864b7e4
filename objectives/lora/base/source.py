"""Locate a base model by path, Hub id or builtin name, and fingerprint its files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers import AutoConfig

from objectives import builtin
from objectives.data.errors import shown
from objectives.lora.base.checks import (
    CONFIG,
    NO_TRUST,
    PICKLE_RULE,
    PICKLE_WAY_OUT,
    Trust,
    check_folder,
    has_safe_weights,
    reading,
    reason,
    weight_files,
)
from sweep.errors import SpecError, fault

BUILTIN = "builtin:"
_COMMON = ("*.json", "*.txt", "*.model")
_VOLATILE = ("transformers_version", "_name_or_path", "dtype", "torch_dtype", "architectures")
_CHUNK_BYTES = 1 << 20


def locate(base: str, trust: Trust = NO_TRUST) -> Path:
    """Return a base model's folder; a Hub model is downloaded if it is not cached.

    Args:
        base: a local folder in ``transformers`` format, a Hub id, or ``builtin:NAME``.
        trust: whether pickled weights and custom code are allowed.

    Raises:
        SpecError: if the model does not exist, cannot be downloaded, is damaged or is not
            trusted; with the messages of all faults.
    """
    if base.startswith(BUILTIN):
        folder = builtin.path(base.removeprefix(BUILTIN))
    else:
        folder = _local(base)
        local = folder.is_absolute() or base.startswith((".", "~"))
        if not (local or folder.exists() or folder.is_symlink()):
            folder = _from_hub(base, trust)
    check_folder(folder, trust)
    return folder


def _local(base: str) -> Path:
    """A name as a path, which need not exist."""
    try:
        folder = Path(base).expanduser()
        folder.exists()
    except (OSError, ValueError, RuntimeError) as error:  # too long, or an unknown ~user
        where = reason(error)
        raise SpecError(fault("base", "be a path or a name", shown(base), where=where)) from error
    if not base.strip() or "\0" in base:
        raise SpecError(fault("base", "be a path or a name", base))
    return folder


def _from_hub(name: str, trust: Trust) -> Path:
    """Download a Hub model; pickled weights only if trusted and there are no safetensors."""
    small = [*_COMMON, "*.py"] if trust.code else _COMMON
    try:
        folder = Path(snapshot_download(name, allow_patterns=[*small, "*.safetensors"]))
        if trust.pickle and not weight_files(folder):
            folder = Path(snapshot_download(name, allow_patterns=[*small, "*.bin"]))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        rule = "be a local folder, a model of the Hugging Face Hub, or 'builtin:NAME'"
        way_out = "Correct the name, go online, or download the model and give its folder"
        where = reason(error)
        raise SpecError(fault("base", rule, name, where=where, way_out=way_out)) from error
    if not trust.pickle and not has_safe_weights(folder):  # the Hub may hold pickles
        raise SpecError(fault("base", PICKLE_RULE, name, way_out=PICKLE_WAY_OUT))
    return folder


def stamp(folder: Path) -> list[tuple[str, int, int, int]]:
    """Name, inode, size in bytes and mtime in ns of each file that ``fingerprint`` reads.

    Equal stamps mean unchanged files, without hashing all weights again.

    Raises:
        OSError: if a file is missing.
    """
    found = [(path.name, path.stat()) for path in (folder / CONFIG, *weight_files(folder))]
    return [(name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in found]


def fingerprint(folder: Path, trust: Trust = NO_TRUST) -> str:
    """First 16 hex digits of the SHA-256 of a model's configuration and weights, not its path.

    Raises:
        SpecError: if the folder is missing or damaged.
    """
    check_folder(folder, trust)
    digest = hashlib.sha256()
    with reading(folder, f"have a {CONFIG} and weights that can be read"):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=trust.code).to_diff_dict()
        kept = {key: value for key, value in config.items() if key not in _VOLATILE}
        digest.update(json.dumps(kept, sort_keys=True, default=str).encode())
        for path in weight_files(folder):
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
    return digest.hexdigest()[:16]
