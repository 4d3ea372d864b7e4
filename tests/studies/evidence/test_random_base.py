"""The random base has the pretrained model's shapes with random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from objectives import builtin
from objectives.lora.base.load import Precision, load_base
from studies.evidence.random_base import main, write_random_base


def test_it_has_the_shapes_and_none_of_the_weights(tmp_path: Path) -> None:
    """It loads like any base, is the same for the same seed, and has the pretrained names."""
    assert main(["builtin:esm2-mini", str(tmp_path / "a")]) == 0
    write_random_base("builtin:esm2-mini", tmp_path / "b")
    write_random_base("builtin:esm2-mini", tmp_path / "c", seed=1)
    drawn, again, other = (load_file(tmp_path / x / "model.safetensors") for x in "abc")
    kept = load_file(next(builtin.path("esm2-mini").glob("*.safetensors")))
    known = {name.removeprefix("esm."): tensor for name, tensor in kept.items()}
    matrices = [name for name in drawn if "encoder." in name and name.endswith("dense.weight")]

    assert all(torch.equal(drawn[name], again[name]) for name in drawn)
    assert matrices
    for name in matrices:
        assert not torch.equal(drawn[name], other[name])
        assert drawn[name].shape == known[name].shape
        assert not torch.equal(drawn[name], known[name].float())
    load_base(tmp_path / "a", Precision(torch.device("cpu"), torch.float32, "nf4"))
