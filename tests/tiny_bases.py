"""Fixtures of training tests: a tiny random ESM-2, learnable data, ESM-2 8M's shape."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import EsmConfig, EsmForTokenClassification, EsmModel, EsmTokenizer

from objectives.binding.objective import BindingObjective
from objectives.lora.base.load import Base, Precision, load_base
from objectives.lora.settings import BindingSettings
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.step import step
from objectives.lora.training.trial import Trial
from objectives.tasks.residue_binary import ResidueBinary
from sweep.study.trial import TrialParams, ignore_reports

__all__ = [
    "esm2_8m",
    "make_inputs",
    "make_objective",
    "one_thread",
    "precision",
    "tiny_base",
    "tiny_data",
    "tiny_folder",
    "tiny_inputs",
    "train",
    "trial_of",
]

LETTERS = "LAGVSERTIDPKQNFYMHWCXBUZO.-"
VOCABULARY = ["<cls>", "<pad>", "<eos>", "<unk>", *LETTERS, "<null_1>", "<mask>"]


def esm_config(**shape: int) -> EsmConfig:
    """ESM-2's architecture in another size."""
    return EsmConfig(
        vocab_size=33,
        pad_token_id=1,
        mask_token_id=32,
        max_position_embeddings=130,
        position_embedding_type="rotary",
        token_dropout=True,
        emb_layer_norm_before=False,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        **shape,
    )


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Results are compared bit for bit, and on CPU they depend on the number of threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def esm2_8m() -> EsmForTokenClassification:
    """The shape of ESM-2 8M, without weights."""
    config = esm_config(
        hidden_size=320, num_hidden_layers=6, num_attention_heads=20, intermediate_size=1280
    )
    with torch.device("meta"):
        return EsmForTokenClassification(config)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer ESM-2 with random weights, saved by transformers."""
    folder = tmp_path_factory.mktemp("tiny-esm")
    torch.manual_seed(0)
    config = esm_config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64
    )
    EsmModel(config, add_pooling_layer=False).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    EsmTokenizer(str(folder / "vocab.txt"), model_max_length=128).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random chains in three split files; only K binds ligand POS, and only R binds ARG."""
    folder = tmp_path_factory.mktemp("tiny-data")
    rng = np.random.default_rng(0)
    for split, chains in (("train", 40), ("validation", 4), ("test", 4)):
        with (folder / f"{split}.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "sequence", "labels", "ligand"])
            for number in range(chains):
                letters = rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), int(rng.integers(20, 60)))
                sequence = "".join(letters)
                for ligand, letter in (("POS", "K"), ("ARG", "R")):
                    labels = "".join(str(int(each == letter)) for each in sequence)
                    rows.writerow([f"{split}{number}", sequence, labels, ligand])
    return folder


@pytest.fixture(scope="session")
def make_objective(
    tiny_folder: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., BindingObjective]:
    """Builds the objective on the tiny base and data; settings as keywords."""
    cache = tmp_path_factory.mktemp("cache")
    places = {"data": str(tiny_data), "base": str(tiny_folder), "cache": str(cache)}

    def make(inputs: dict[str, str] | None = None, **settings: Any) -> BindingObjective:
        defaults = {"device": "cpu", "batch_tokens": 256, "train_metric_chains": 8}
        return BindingObjective({**defaults, **settings}, {**places, **(inputs or {})})

    return make


@pytest.fixture(scope="session")
def make_inputs(
    tiny_folder: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Inputs]:
    """Builds the inputs of a study on the tiny data; another base, or settings as keywords."""
    cache = str(tmp_path_factory.mktemp("cache"))

    def make(base: Path = tiny_folder, **settings: Any) -> Inputs:
        places = {"data": str(tiny_data), "base": str(base), "cache": cache}
        return Inputs(places, BindingSettings(**settings), ResidueBinary)

    return make


@pytest.fixture(scope="session")
def tiny_inputs(make_inputs: Callable[..., Inputs]) -> Inputs:
    """The tiny base and data as trial inputs."""
    return make_inputs()


@pytest.fixture(scope="session")
def trial_of(tiny_inputs: Inputs) -> Callable[..., AbstractContextManager[Trial]]:
    """Starts a trial on the tiny base in its own lane, until the context ends."""

    @contextmanager
    def begin(
        settings: BindingSettings, inputs: Inputs = tiny_inputs, **params: Any
    ) -> Iterator[Trial]:
        trial = Trial(TrialParams(0, {}, **params), settings, inputs, ignore_reports)
        try:
            yield trial
        finally:
            trial.dismiss()

    return begin


@pytest.fixture(scope="session")
def train() -> Callable[..., tuple[float, ...]]:
    """Runs a trial's steps alone; returns the losses, and raises any error."""

    def make(trial: Trial, steps: int | None = None) -> tuple[float, ...]:
        lane = trial.lane
        last = len(lane.plan.batches) if steps is None else lane.steps + steps
        while lane.steps < last:
            step([trial], lambda _, act: act())
            if lane.due:
                lane.mean_loss()
        return tuple(lane.losses)

    return make


@pytest.fixture(scope="session")
def precision() -> Precision:
    """The precision of trials on a CPU."""
    return Precision(torch.device("cpu"), torch.float32, "nf4")


@pytest.fixture(scope="session")
def tiny_base(tiny_folder: Path, precision: Precision) -> Base:
    """The tiny base, quantised."""
    return load_base(tiny_folder, precision)
