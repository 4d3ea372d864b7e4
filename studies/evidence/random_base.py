"""A base of the same shape that has learned nothing: ``python -m studies.evidence.random_base``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

from objectives.lora.base.source import locate
from sweep.errors import SweepError


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
    parser = argparse.ArgumentParser(
        prog="python -m studies.evidence.random_base",
        description="Random weights in the shape of a base, with its tokenizer.",
    )
    parser.add_argument("base", help="a local folder, a Hub name or builtin:NAME")
    parser.add_argument("folder", type=Path, help="where the new base goes")
    args = parser.parse_args(arguments)
    try:
        write_random_base(args.base, args.folder)
    except SweepError as error:
        parser.exit(1, f"{error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
