"""The estimated memory of base and lane is what a real step takes; ``auto`` decides by it."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from encoders import classifier_of, config_of
from tiers import first
from transformers import PreTrainedModel

from objectives.lora.base.config import settle
from objectives.lora.base.load import Precision
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import encoder_linears
from objectives.lora.training.inputs import Inputs
from objectives.lora.training.memory_choice import MemoryChoice, needed
from objectives.lora.training.memory_estimate import LiveBytes, MemoryEstimate, estimate
from objectives.lora.training.step import step
from objectives.lora.training.trial import Trial
from objectives.tasks.residue_binary import ResidueBinary
from sweep.study.trial import TrialParams, ignore_reports

BAND = 0.02
"""Relative difference of the estimated bytes from those of all tensors of a real step."""

FLOAT32 = Precision(torch.device("cpu"), torch.float32, "nf4")
FIXED = BindingSettings(
    device="cpu", targets="all-linear", rank=8, batch_tokens=512, gradient_checkpointing=False
)
CASES: dict[str, dict[str, Any]] = {
    "nf4": {"base_weights": "nf4"},
    "dequantised": {"base_weights": "nf4-dequantised", "dropout": 0.2},
    "recomputed": {"base_weights": "nf4", "gradient_checkpointing": True, "dropout": 0.2},
    "bfloat16": {"quantization": "none", "compute_dtype": "bfloat16"},
    "upper layer": {"base_weights": "nf4", "targets": "layer.1.output.dense"},
}


def measured(inputs: Inputs, settings: BindingSettings) -> tuple[int, int, MemoryEstimate]:
    """Bytes of the base and of two real steps above it, and the estimate for the same windows."""
    with LiveBytes() as live:
        model = inputs.model(Precision.from_settings(settings))
        gc.collect()  # modules that were replaced, and the passes of the base's test
        base = live.now
        # The estimate is of a pass through all layers.
        model.layers = []
        trial = Trial(TrialParams(0, {}), settings, inputs, ignore_reports)
        live.peak = live.now
        for _ in range(2):
            step([trial], lambda _, act: act())
        windows, plan = trial.lane.windows, trial.lane.plan
        modules = trial.lane.adapters.config.modules
    found = [
        estimate(
            inputs.skeleton,
            model.precision,
            replace(settings, base_weights=model.base_weights),
            modules,
            [windows.lengths[i] for i in batch],
            checkpointing=bool(settings.gradient_checkpointing),
        )
        for batch in plan.batches[:2]
    ]
    return base, live.peak - base, max(found, key=lambda each: each.lane)


@pytest.mark.parametrize("case", first(2, CASES))
def test_the_estimate_is_what_real_tensors_take(
    make_inputs: Callable[..., Inputs], case: str
) -> None:
    """Base and peak of a step: with any storage, dropout, dtype, and recomputed layers."""
    settings = replace(FIXED, **CASES[case])
    inputs = make_inputs(**{n: getattr(settings, n) for n in ("base_weights", "device")})
    base, lane, found = measured(inputs, settings)

    assert found.base == pytest.approx(base, rel=BAND, abs=2048)  # a table of bitsandbytes
    assert found.lane == pytest.approx(lane, rel=BAND)
    assert 0 < found.activations < found.lane
    assert (found.base_nf4 > 0, found.base_dequantised > 0) == (
        case not in {"dequantised", "bfloat16"},
        case == "dequantised",
    )


@pytest.mark.integration
@pytest.mark.parametrize("case", ["nf4", "recomputed"])
def test_the_estimate_of_the_real_esm2_is_what_it_takes(
    shared: Path, tiny_data: Path, tmp_path: Path, case: str
) -> None:
    """ESM-2 8M."""
    settings = replace(FIXED, **CASES[case])
    folder = shared / "models" / "esm2_t6_8m"
    places = {"data": str(tiny_data), "base": str(folder), "cache": str(tmp_path)}
    base, lane, found = measured(Inputs(places, settings, ResidueBinary), settings)

    assert found.base == pytest.approx(base, rel=BAND)
    assert found.lane == pytest.approx(lane, rel=BAND)


RESIDENT = """
import sys
from pathlib import Path
import numpy as np, psutil, torch
from objectives.data.prepare.windows import Windows
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.base.load import Precision, load_base
from objectives.lora.memory import peak_memory_bytes
from objectives.lora.packed.layout import LaneBatch
from objectives.lora.packed.model import PackedModel

torch.set_num_threads(1)
cpu = torch.device("cpu")
model = PackedModel(load_base(Path(sys.argv[1]), Precision(cpu, torch.float32, "nf4")), "nf4", 1)

def step(windows):
    rows = (np.full(256, 5),) * windows
    lane = model.add_lane(AdapterConfig(8, 8, "", tuple(model.linears)), 0, 4096)
    batch = LaneBatch(lane, Windows(rows, rows, rows), range(windows), 1)
    model.logits([batch])[0].square().mean().backward()
    model.remove_lane(lane)

step(1)
before = psutil.Process().memory_info().rss
Path("/proc/self/clear_refs").write_text("5")  # restarts the kernel's count of the peak
step(16)
print(peak_memory_bytes(cpu) - before)
"""


@pytest.mark.integration
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc and /proc")
def test_a_process_takes_the_estimate_where_its_allocator_leaves_no_gaps(shared: Path) -> None:
    """Resident memory of a step of ESM-2 8M with 4 096 tokens, to 15 %."""
    folder = shared / "models" / "esm2_t6_8m"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RESIDENT, str(folder)],
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    inputs = Inputs({"base": str(folder)}, FIXED, ResidueBinary)
    settings = replace(FIXED, base_weights="nf4", batch_tokens=4096)
    modules = tuple(encoder_linears(inputs.skeleton, ("classifier",)))
    found = estimate(inputs.skeleton, FLOAT32, settings, modules, [256] * 16, checkpointing=False)

    assert int(done.stdout) == pytest.approx(found.lane, rel=0.15)


def skeleton_of(name: str) -> PreTrainedModel:
    """A small base of an architecture, without weights."""
    config = config_of(name)
    settle(config)
    return classifier_of(config)


def choice(skeleton: PreTrainedModel, available: int) -> MemoryChoice:
    """A choice for windows of 60 tokens."""
    return MemoryChoice(skeleton, longest=60, tokens=10_000, available=available)


@pytest.mark.parametrize("name", first(1, ["esm", "deberta"]))
def test_auto_recomputes_only_what_would_not_fit(name: str) -> None:
    """In flat and in padded passes: base and one lane, to the byte."""
    skeleton = skeleton_of(name)
    modules = tuple(encoder_linears(skeleton, ("classifier",)))
    auto = replace(FIXED, base_weights="nf4", gradient_checkpointing="auto")
    found = choice(skeleton, 0).estimate(auto, FLOAT32, modules, checkpointing=False)
    again = choice(skeleton, 0).estimate(auto, FLOAT32, modules, checkpointing=True)
    assert isinstance(found, MemoryEstimate)
    assert isinstance(again, MemoryEstimate)
    needs = needed(found)

    assert needs == found.base + int(1.5 * found.lane)
    assert again.lane < 0.75 * found.lane
    for available, taken in ((needs, False), (needs - 1, True), (100 * needs, False)):
        chosen = choice(skeleton, available)
        assert chosen.checkpointing(auto, FLOAT32, modules) is taken
        report = chosen.report(auto, FLOAT32, modules)
        assert report["needed_bytes"] == needed(again if taken else found)
        assert report["lane_bytes"] == (again if taken else found).lane
        assert (report["step_tokens"], report["longest_window"]) == (512, 60)
        for way in (True, False):
            asked = replace(auto, gradient_checkpointing=way)
            assert chosen.checkpointing(asked, FLOAT32, modules) is way


def test_where_layers_cannot_be_recomputed_or_memory_not_estimated_auto_does_not() -> None:
    """ALBERT has no list of layers; Longformer branches on computed numbers, and it is stated."""
    auto = replace(FIXED, base_weights="nf4", gradient_checkpointing="auto")
    for name in ("albert", "longformer"):
        skeleton = skeleton_of(name)
        modules = tuple(encoder_linears(skeleton, ("classifier",)))
        report = choice(skeleton, 0).report(auto, FLOAT32, modules)
        assert report["gradient_checkpointing"] is False
        assert ("unknown" in report) is (name == "longformer")
        assert "DataDependent" in report.get("unknown", "DataDependent")
