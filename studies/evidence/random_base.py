"""A base of the same shape that has learned nothing: ``python -m studies.evidence.random_base``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from objectives.binding.source import locate

USAGE = "usage: python -m studies.evidence.random_base BASE FOLDER"


def write_random_base(base: str, folder: Path, seed: int = 0) -> None:
    """Write a model of a base's shape with the weights that its training would begin from.

    Args:
        base: a local folder, a Hub name or ``builtin:NAME``.
        folder: where the new base goes.
        seed: of the weights.

    Raises:
        SpecError: if there is no such base.
    """
    source = locate(base)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModel.from_config(AutoConfig.from_pretrained(source), dtype=torch.float32)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)


def main(arguments: Sequence[str]) -> int:
    """Write one; the exit code."""
    if len(arguments) != 2:
        sys.stderr.write(f"{USAGE}\n")
        return 2
    write_random_base(arguments[0], Path(arguments[1]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
