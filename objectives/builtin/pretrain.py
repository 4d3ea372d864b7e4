r"""Pre-train the embedded base ``esm2-mini``: masked-language modelling on protein sequences.

The committed weights were made by this recipe (see ``esm2_mini/README.md`` for the measured
figures)::

    python -m objectives.builtin.pretrain --fasta proteomes/*.fasta* --chains train/ \
        --exclude test/ --out objectives/builtin/esm2_mini --minutes 37

A minute of ``--minutes`` buys more or fewer steps on another machine, or on a busy one;
``--steps`` makes the run repeatable.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import EsmForMaskedLM, EsmTokenizer

from objectives.builtin import corpus, masking
from objectives.builtin.training import Recipe, build, train
from objectives.gelu import fused_gelu
from sweep.files.atomic import publish
from sweep.files.strict_json import strict_document

_LOG = logging.getLogger(__name__)


def save(model: Any, out: Path) -> None:
    """Write float16 weights, configuration and tokenizer, replacing each file atomically."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        folder = Path(scratch)
        half = EsmForMaskedLM(model.config)
        half.load_state_dict(model.state_dict())
        half.half().save_pretrained(folder)
        (folder / "vocab.txt").write_text("\n".join(corpus.VOCABULARY), encoding="utf-8")
        tokenizer = EsmTokenizer(str(folder / "vocab.txt"), model_max_length=1024)
        tokenizer.save_pretrained(folder)
        # transformers 5 no longer writes this file; transformers 4 and other tools read it.
        special = json.dumps(tokenizer.special_tokens_map, indent=2, sort_keys=True)
        (folder / "special_tokens_map.json").write_text(special + "\n", encoding="utf-8")
        for file in folder.iterdir():
            file.chmod(0o644)
            publish(file, out / file.name)


def measure(out: Path, data: corpus.Corpus, masked: float = 1.0) -> masking.Perplexity:
    """Measure pseudo-perplexity of the saved float16 weights on the held-out proteins.

    Args:
        out: folder of the weights, loaded by ``from_pretrained``.
        data: the corpus.
        masked: see :func:`objectives.builtin.masking.perplexity`.
    """
    stored = EsmForMaskedLM.from_pretrained(out, dtype=torch.float32)
    unigram = masking.frequencies(data.training)
    return masking.perplexity(stored, data.held_out, unigram, masked=masked)


def report(
    model: nn.Module, data: corpus.Corpus, runs: list[dict[str, Any]], out: Path
) -> dict[str, Any]:
    """Return the contents of ``pretraining.json``: corpus, runs with their recipes, perplexity."""
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "corpus": {
            "training_proteins": len(data.training),
            "training_residues": sum(map(len, data.training)),
            "held_out_proteins": len(data.held_out),
            "dropped_as_similar": data.dropped,
        },
        "runs": runs,
        "held_out": asdict(measure(out, data)),
        "held_out_80_10_10": asdict(measure(out, data, masked=0.8)),
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
    }


def options() -> argparse.ArgumentParser:
    """Return the argument parser; every field of :class:`Recipe` is an option too."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--fasta", nargs="+", type=Path, required=True, help="FASTA files")
    parser.add_argument("--chains", nargs="*", type=Path, default=[], help="chain files or folders")
    parser.add_argument("--exclude", nargs="*", type=Path, default=[], help="as --chains, kept out")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--init", type=Path, help="folder of an earlier run to go on from")
    parser.add_argument("--minutes", type=float, default=37.0, help="wall-clock budget")
    parser.add_argument("--steps", type=int, help="optimiser steps, instead of minutes")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads")
    for name, value in asdict(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the sequences, train, save, measure, and write ``pretraining.json``."""
    chosen = options().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(chosen.threads)
    recipe = Recipe(**{name: getattr(chosen, name) for name in asdict(Recipe())})
    sequences = [s for path in chosen.fasta for s in corpus.read_fasta(path)]
    sequences += [s for path in chosen.chains for s in corpus.read_chains(path)]
    excluded = [s for path in chosen.exclude for s in corpus.read_chains(path)]
    data = corpus.part(sequences, excluded=excluded, held_out_percent=recipe.held_out_percent)
    counts = (len(data.training), len(data.held_out), data.dropped)
    _LOG.info("%d proteins to train on, %d held out, %d dropped as similar", *counts)
    model, runs = build(recipe), []
    if chosen.init:
        model = EsmForMaskedLM.from_pretrained(
            chosen.init, dtype=torch.float32, use_safetensors=True
        )
        runs = json.loads((chosen.init / "pretraining.json").read_text(encoding="utf-8"))["runs"]
    with fused_gelu():
        keep = partial(save, model, chosen.out)
        run = train(model, data, recipe, keep, minutes=chosen.minutes, steps=chosen.steps)
    save(model, chosen.out)
    runs.append({"recipe": asdict(recipe), **run})
    record = report(model, data, runs, chosen.out)
    text = json.dumps(strict_document(record), indent=2, allow_nan=False) + "\n"
    (chosen.out / "pretraining.json").write_text(text, encoding="utf-8")
    _LOG.info("held out: %s", record["held_out"])


if __name__ == "__main__":
    main()
