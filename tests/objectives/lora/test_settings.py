from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.lora.settings import SAMPLED, BindingSettings
from sweep.errors import SpecError


def test_the_defaults_are_valid() -> None:
    """Settings without arguments are the defaults, and pass the check."""
    defaults = BindingSettings()

    assert BindingSettings.from_mapping({}) == defaults
    assert BindingSettings.from_mapping(vars(defaults) | {"alpha": None}) == defaults


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rank", -1),
        ("rank", 2.5),
        ("rank", True),
        ("alpha", 0),
        ("scaling", float("nan")),
        ("targets", "query;value"),
        ("targets", 3),
        ("rslora", "yes"),
        ("dropout", 1),
        ("learning_rate", float("inf")),
        ("weight_decay", -0.1),
        ("epochs", 0),
        ("steps", 0),
        ("batch_tokens", 2),
        ("warmup", 1.0),
        ("schedule", "step"),
        ("max_grad_norm", 0),
        ("class_weight", "heavy"),
        ("quantization", "int8"),
        ("compute_dtype", "float64"),
        ("base_weights", "float32"),
        ("device", "cuda:x"),
        ("device", "0"),
        ("threads", 0),
        ("evaluate_every", 1.5),
        ("train_metric_chains", -1),
        ("validation_fraction", 1),
        ("max_residues", 0),
        ("train_chains", 0),
        ("validation_chains", 0),
        ("test_chains", 0),
        ("skip_bad", 1),
        ("allow_pickle", "yes"),
        ("trust_remote_code", 1),
        ("data_seed", -1),
    ],
)
def test_an_invalid_setting_names_itself_and_its_rule(name: str, value: object) -> None:
    """Each setting refuses a value outside its range."""
    with pytest.raises(SpecError, match=rf"^settings\.{name} must be .*, got ") as caught:
        BindingSettings.from_mapping({name: value})

    assert repr(value) in str(caught.value)


def test_all_faults_are_reported_at_once() -> None:
    """Three wrong settings give three messages."""
    with pytest.raises(SpecError, match="learning_rate") as caught:
        BindingSettings.from_mapping({"learning_rate": 0, "epochs": -1, "lr": 1})

    assert len(caught.value.faults) == 3


def test_an_unknown_setting_gets_a_suggestion() -> None:
    """The message names the nearest known setting."""
    with pytest.raises(SpecError, match="nearest is 'learning_rate'"):
        BindingSettings.from_mapping({"learning_rat": 1e-3})


def test_sampled_values_override_fixed_ones() -> None:
    """For settings that may be sampled."""
    trial = BindingSettings(rank=4).for_trial({"rank": 16, "schedule": "cosine"})

    assert (trial.rank, trial.schedule) == (16, "cosine")


@pytest.mark.parametrize(
    "name",
    [
        "threads",
        "device",
        "base_weights",
        "data_seed",
        "train_chains",
        "allow_pickle",
        "trust_remote_code",
    ],
)
def test_a_fixed_setting_cannot_be_sampled(name: str) -> None:
    """Settings that would give trials other data or another device are no parameters."""
    assert name not in SAMPLED
    with pytest.raises(SpecError, match=rf"space\.{name} must be one of .* move it to settings"):
        BindingSettings().for_trial({name: 1})


def test_alpha_and_scaling_exclude_each_other() -> None:
    """One determines the other."""
    with pytest.raises(SpecError, match="not be given together with alpha"):
        BindingSettings.from_mapping({"alpha": 8, "scaling": 2.0})
    with pytest.raises(SpecError, match="not be given together with alpha"):
        BindingSettings().for_trial({"alpha": 8, "scaling": 2.0})


def test_a_sampled_scaling_replaces_a_fixed_alpha() -> None:
    """A study may sample the other of the two."""
    trial = BindingSettings(alpha=3.0).for_trial({"rank": 4, "scaling": 2.0})

    assert (trial.alpha, trial.lora_alpha, trial.lora_scaling) == (None, 8.0, 2.0)


@given(rank=st.integers(1, 256), number=st.floats(1e-3, 1e3), rslora=st.booleans())
@settings(deadline=None)
def test_alpha_and_scaling_are_equivalent(rank: int, number: float, *, rslora: bool) -> None:
    """Alpha is scaling times rank, or times its root with rsLoRA, whichever is given."""
    fixed: dict[str, Any] = {"rank": rank, "rslora": rslora}
    by_scaling = BindingSettings(**fixed, scaling=number)
    by_alpha = BindingSettings(**fixed, alpha=by_scaling.lora_alpha)
    root = math.sqrt(rank) if rslora else rank

    assert by_scaling.lora_alpha == pytest.approx(number * root)
    assert by_alpha.lora_scaling == pytest.approx(number)
