"""Protein models with other tokenizers than ESM-2's, and T5 encoders, against plain loops."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitsandbytes.nn.modules import Linear4bit
from packed_reference import furthest, plain_run
from packed_runs import Run, run_pack
from protein_models import MODELS, save

from objectives.lora.base.config import skeleton
from objectives.lora.base.load import Precision, load_base
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import encoder_linears
from objectives.lora.training.compute_choice import compute_choice
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from sweep.study.trial import TrialParams

FIXED = BindingSettings(
    device="cpu", batch_tokens=256, train_metric_chains=0, steps=10, learning_rate=3e-3
)
PACK = [
    TrialParams(0, {"targets": "all-linear", "rank": 4}, seed=0),
    TrialParams(1, {"targets": "query+value", "rank": 8, "scaling": 9, "dropout": 0.2}, seed=1),
    TrialParams(2, {"targets": "none", "rank": 0, "learning_rate": 1e-2}, seed=2),
]


QUICK = ("SaProt", "Ankh, dropping")
"""Both layouts, with dropout and without; the others run in the integration tests."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=() if name in QUICK else pytest.mark.integration)
        for name in MODELS
    ],
)
def name(request: pytest.FixtureRequest) -> str:
    """One of the models."""
    return str(request.param)


@pytest.fixture(scope="module")
def folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That model on disk."""
    folder = tmp_path_factory.mktemp(name.partition(",")[0])
    save(name, folder)
    return folder


@pytest.fixture(scope="module")
def runs(folder: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Run]:
    """A pack of mixed trials on it."""
    cache = str(tmp_path_factory.mktemp("cache"))
    inputs = Inputs(
        {"data": str(tiny_data), "base": str(folder), "cache": cache}, FIXED, ResidueBinary
    )
    return run_pack(inputs, FIXED, PACK)


@pytest.mark.parametrize("number", range(len(PACK)))
def test_a_lane_over_a_protein_model_equals_a_plain_loop(
    name: str, folder: Path, runs: dict[int, Run], number: int
) -> None:
    """Ten steps, with the model's own dropout and without."""
    run = runs[number]
    plain = plain_run(folder, run, masked=True, rows=MODELS[name].rows)

    assert furthest(run.losses, plain.losses) < 1e-5
    assert run.result is not None
    assert run.result.value == plain.validation["mcc"]
    assert min(plain.losses) < 0.95 * plain.losses[0]
    assert run.trial.model.flat is not MODELS[name].rows


def test_the_memory_of_a_dequantised_base_is_predicted(folder: Path) -> None:
    """Without matrices that are never quantised, such as T5's ``wo``."""
    precision = Precision.from_settings(FIXED)
    predicted = compute_choice(FIXED, skeleton(folder), precision)["dequantised_bytes"]
    base = load_base(folder, precision)
    linears = encoder_linears(base.model, base.head).values()
    needed = [n.in_features * n.out_features for n in linears if isinstance(n, Linear4bit)]

    assert predicted == 4 * sum(needed) > 0
