"""Settings of a binding-site trial: one validated record, with values overridable per trial."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

from objectives.data.options import DataOptions
from sweep.errors import SpecError, TargetError, fault
from sweep.study.lora_scaling import LoraScaling
from sweep.study.parameters import is_number
from sweep.study.rules import Holds, above, between, count, matching, one_of, or_else, ruled
from sweep.study.targets import canonical
from sweep.study.trial import Scalar


def target_set(value: object) -> bool:
    """Whether a value is a valid target set, such as ``query+value``."""
    try:
        return isinstance(value, str) and bool(canonical(value))
    except TargetError:
        return False


def sampled(default: Any, rule: str, holds: Holds) -> Any:
    """A field with its rule, as ``ruled`` makes it, that a study may sample for each trial."""
    return ruled(default, rule, holds, sampled=True)


@dataclass(frozen=True)
class LoraSettings:
    """Settings of fine-tuning, whatever the task.

    Attributes:
        rank: rank of each adapter; 0 trains the head alone.
        alpha: LoRA's alpha; the low-rank update is scaled by alpha / rank
            (alpha / sqrt(rank) with ``rslora``).
        scaling: the scaling factor itself, in place of ``alpha``; 1 if neither is given.
        targets: the adapted matrices, as in ``sweep.study.targets``; ``none`` trains the head only.
        rslora: rank-stabilised scaling (Kalajdzievski 2023, arXiv:2312.03732).
        dropout: dropout probability on the adapters' input.
        learning_rate: AdamW's peak learning rate.
        weight_decay: AdamW's weight decay, on adapters and head weights, not on biases.
        epochs: passes over the training windows; may be a fraction.
        steps: optimiser steps; overrides ``epochs``.
        batch_tokens: maximum tokens per batch; a longer window is a batch of its own.
        warmup: fraction of the steps over which the learning rate rises.
        schedule: decay of the learning rate after warm-up: ``linear``, ``cosine`` or
            ``constant``.
        max_grad_norm: gradients are clipped to this norm.
        class_weight: ``none``, ``balanced`` (inverse class frequencies), or the weight of a
            binding residue relative to one that does not bind.
        pooling: how a task of whole sequences combines their tokens: ``mean`` of the residues,
            ``cls`` (the first token), or ``attention`` (a weighted mean with learned weights).
        metric: that trials are compared by, one that the task measures; null for its usual one.
        label_shift: 1 puts each residue's label on the token before it, in training and
            scoring: the off-by-one error of scripts that ignore the start token, to measure
            its effect.
        quantization: of the frozen base: ``nf4`` (double-quantised) or ``none``.
        compute_dtype: ``auto`` is bfloat16 on a GPU, and on a CPU whose bfloat16 products are
            clearly faster, measured once when a study begins; else float32.
        base_weights: storage of a quantised base: ``nf4`` (dequantised at each use),
            ``nf4-dequantised`` (once at loading) or ``auto`` (the latter if memory allows).
            The computed numbers are the same.
        gradient_checkpointing: recompute each encoder layer in the backward pass, which takes
            less memory and more time; ``auto`` does if one trial does not fit in memory without.
            The computed numbers are the same.
        device: ``auto`` uses a GPU if there is one.
        threads: CPU threads of one worker; on CPU, results depend on it in the last bits.
        evaluate_every: ``epoch``, or the fraction of training between two evaluations.
        train_metric_chains: number of training windows scored for the ``train_*`` metrics.
        trust_remote_code: run Python modules that come with a base model; by default such a
            base is refused.
    """

    rank: int = sampled(8, "be a whole number of 0 or more", count(0))
    alpha: float | None = sampled(None, "be a number above 0", or_else(None, above(0)))
    scaling: float | None = sampled(None, "be a number above 0", or_else(None, above(0)))
    targets: str = sampled("query+value", "be names of matrices joined by '+'", target_set)
    rslora: bool = sampled(False, "be true or false", one_of(True, False))
    dropout: float = sampled(0.0, "be a number from 0 to below 1", between(0, 1))

    learning_rate: float = sampled(1e-3, "be a number above 0", above(0))
    weight_decay: float = sampled(0.01, "be a number of 0 or more", between(0, math.inf))
    epochs: float = sampled(1, "be a number above 0", above(0))
    steps: int | None = sampled(
        None, "be a whole number of 1 or more, or null", or_else(None, count(1))
    )
    batch_tokens: int = sampled(1536, "be a whole number of 3 or more", count(3))
    warmup: float = sampled(0.1, "be a fraction from 0 to below 1", between(0, 1))
    schedule: str = sampled(
        "linear", "be 'linear', 'cosine' or 'constant'", one_of("linear", "cosine", "constant")
    )
    max_grad_norm: float = sampled(1.0, "be a number above 0", above(0))
    class_weight: str | float = sampled(
        "none",
        "be 'none', 'balanced' or a number above 0",
        or_else("none", or_else("balanced", above(0))),
    )
    label_shift: int = sampled(0, "be 0, or 1 to measure a fault", one_of(0, 1))
    quantization: str = sampled("nf4", "be 'nf4' or 'none'", one_of("nf4", "none"))

    pooling: str = ruled(
        "mean", "be 'mean', 'cls' or 'attention'", one_of("mean", "cls", "attention")
    )
    metric: str | None = ruled(
        None, "be the name of a metric, or null", or_else(None, lambda v: isinstance(v, str))
    )
    compute_dtype: str = ruled(
        "auto",
        "be 'auto', 'float32', 'bfloat16' or 'float16'",
        one_of("auto", "float32", "bfloat16", "float16"),
    )
    base_weights: str = ruled(
        "auto", "be 'auto', 'nf4' or 'nf4-dequantised'", one_of("auto", "nf4", "nf4-dequantised")
    )
    gradient_checkpointing: str | bool = ruled(
        "auto", "be 'auto', true or false", one_of("auto", True, False)
    )
    device: str = ruled(
        "auto", "be 'auto', 'cpu', 'cuda' or 'cuda:N'", matching(r"auto|cpu|cuda(:\d+)?")
    )
    threads: int = ruled(1, "be a whole number of 1 or more", count(1))
    evaluate_every: str | float = ruled(
        "epoch",
        "be 'epoch' or a fraction of training above 0, at most 1",
        or_else("epoch", lambda value: is_number(value) and 0 < value <= 1),
    )
    train_metric_chains: int = ruled(64, "be a whole number of 0 or more", count(0))
    trust_remote_code: bool = ruled(False, "be true or false", one_of(True, False))

    @property
    def lora_scaling(self) -> float:
        """The scaling factor of the low-rank update."""
        if self.scaling is not None:
            return float(self.scaling)
        if self.alpha is None or self.rank == 0:
            return 1.0
        return LoraScaling(self.rank, self.alpha, rslora=self.rslora).factor

    @property
    def lora_alpha(self) -> float:
        """LoRA's alpha, as given or computed from ``scaling``."""
        if self.alpha is not None:
            return float(self.alpha)
        scaling = LoraScaling.of_factor(self.rank, self.lora_scaling, rslora=self.rslora)
        return float(scaling.alpha)


@dataclass(frozen=True)
class BindingSettings(DataOptions, LoraSettings):  # fields: those of LoraSettings come first
    """All settings of a trial except the locations of data and base model.

    A study may sample each field declared with ``sampled``, as a parameter of the same name.
    """

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> BindingSettings:
        """Validate a study's settings and build the record.

        Raises:
            SpecError: with the messages of all faults.
        """
        found = _faults(settings, "settings", _FIELDS)
        if found:
            raise SpecError(found)
        return cls(**settings)

    def for_trial(self, values: Mapping[str, Scalar]) -> BindingSettings:
        """These settings with a trial's parameter values in place of the fixed ones.

        Raises:
            SpecError: if a name is no setting that may be sampled, or a value breaks its rule.
        """
        found = _faults(values, "space", SAMPLED)
        if found:
            raise SpecError(found)
        changes: dict[str, Any] = dict(values)
        if "alpha" in values or "scaling" in values:  # either replaces both fixed values
            changes = {"alpha": None, "scaling": None, **changes}
        return replace(self, **changes)

    @property
    def data(self) -> DataOptions:
        """The settings of the data alone."""
        return DataOptions(**{each.name: getattr(self, each.name) for each in fields(DataOptions)})


_FIELDS: Mapping[str, Field[Any]] = {f.name: f for f in fields(BindingSettings)}
SAMPLED: Mapping[str, Field[Any]] = {
    name: f for name, f in _FIELDS.items() if "sampled" in f.metadata
}
"""Fields of the settings that a study may sample, by name."""


def _faults(values: Mapping[str, Any], where: str, known: Mapping[str, Field[Any]]) -> list[str]:
    """Messages of all rules that ``values`` break; empty if none."""
    found = [
        value_fault(where, name, value) if name in known else _unknown(where, name, value, known)
        for name, value in values.items()
    ]
    if values.get("alpha") is not None and values.get("scaling") is not None:
        rule, way_out = "not be given together with alpha, which decides it", "Keep one of the two"
        found.append(fault(f"{where}.scaling", rule, values["scaling"], way_out=way_out))
    return [text for text in found if text]


def value_fault(where: str, name: str, value: object) -> str:
    """The error message if ``value`` is invalid for setting ``name``; else an empty string."""
    rule = _FIELDS[name].metadata
    return "" if rule["holds"](value) else fault(f"{where}.{name}", rule["rule"], value)


def _unknown(where: str, name: str, value: object, known: Mapping[str, Field[Any]]) -> str:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if name in _FIELDS:
        way_out = "This one is fixed for the whole study; move it to settings"
    elif close:
        way_out = f"The nearest is {close[0]!r}"
    else:
        way_out = ""
    return fault(f"{where}.{name}", f"be one of {', '.join(known)}", value, way_out=way_out)
