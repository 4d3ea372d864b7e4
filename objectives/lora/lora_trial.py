"""PEFT's configuration of a trial's adapters, for a training loop of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from peft import PeftModel, TaskType, get_peft_model
from transformers import PreTrainedModel

from objectives.lora.adapter_config import AdapterConfig, trainable_parameters
from objectives.lora.base.config import skeleton
from objectives.lora.base.load import head_modules
from objectives.lora.base.source import locate
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import resolve
from sweep.errors import SpecError, fault

NAMES = ("rank", "targets", "alpha", "scaling", "rslora", "dropout")
"""The values that are read; all others are the loop's own."""

_PEFT_NAMES = {
    "r": "rank",
    "target_modules": "targets",
    "lora_alpha": "alpha",
    "use_rslora": "rslora",
    "lora_dropout": "dropout",
}

_TASKS = {
    "ForTokenClassification": TaskType.TOKEN_CLS,
    "ForSequenceClassification": TaskType.SEQ_CLS,
}
"""Ends of the names of classes whose head is new, and is trained in full."""


class LoraTrial:
    """The adapters of one trial, resolved on a model as lorasweep's own objectives do.

    Args:
        model: a model of ``transformers``, or the folder or name of a base, which is taken as a
            token classifier; no weights are read.
        values: the trial's values, of which those in ``NAMES`` are read: ``rank``, ``targets`` and
            one of ``alpha`` and ``scaling`` must be there.
        head: names of the modules trained in full; by default the classifier of a token or
            sequence classifier. Other models have no default.

    Attributes:
        adapter: rank, alpha, dropout and the paths of the adapted modules.
        head: names of the modules trained in full.
        config: PEFT's configuration; None if the head alone is trained (rank 0, or targets
            ``none``).
        trainable_parameters: number of parameters trained, the head's included.

    Raises:
        TargetError: with every name of a matrix that matches nothing in the model.
        SpecError: with every other fault of the values or the model.
    """

    def __init__(
        self,
        model: PreTrainedModel | str | Path,
        values: Mapping[str, Any],
        head: Sequence[str] | None = None,
    ) -> None:
        faults = list(_name_faults(values))
        if faults:
            raise SpecError(faults)
        settings = BindingSettings().for_trial({n: values[n] for n in NAMES if n in values})
        shapes = skeleton(locate(str(model))) if isinstance(model, (str, Path)) else model
        kind = type(shapes).__name__
        task = next((task for end, task in _TASKS.items() if kind.endswith(end)), None)
        if head is None and task is None:
            rule = "be given for a model that is no token or sequence classifier"
            way_out = "Name the modules to train in full, or () for none"
            raise SpecError(fault("head", rule, head, where=kind, way_out=way_out))
        self.head = head_modules(shapes) if head is None else _present(shapes, head)
        found = resolve(shapes, settings.targets, self.head)
        self.adapter = AdapterConfig.from_settings(settings, found.modules)
        self.config = None
        if self.adapter.modules:
            self.config = self.adapter.to_peft(self.head)
            self.config.task_type = task
        self.trainable_parameters = trainable_parameters(shapes, self.adapter, self.head)

    def wrap(self, model: PreTrainedModel) -> PeftModel | PreTrainedModel:
        """The model to train: with adapters, or without any, with all but its head frozen."""
        if self.config is not None:
            return get_peft_model(model, self.config)
        model.requires_grad_(False)
        for name in self.head:
            model.get_submodule(name).requires_grad_(True)
        return model


def _name_faults(values: Mapping[str, Any]) -> Iterator[str]:
    """Names that would be passed over or are missing, which would leave a default unnoticed."""
    for name, ours in _PEFT_NAMES.items():
        if name in values:
            yield fault(f"values.{name}", f"be called {ours!r}", values[name])
    for name in ("rank", "targets"):
        if name not in values:
            yield fault("values", f"have {name}", sorted(values))
    if not {"alpha", "scaling"} & set(values):
        yield fault("values", "have alpha or scaling", sorted(values))


def _present(model: PreTrainedModel, head: Sequence[str]) -> tuple[str, ...]:
    """The head as given.

    Raises:
        SpecError: with every name that is no module of the model.
    """
    paths = {path for path, _ in model.named_modules()} - {""}
    faults = [
        fault("head", "name modules of the model", name, where=type(model).__name__)
        for name in head
        if name not in paths
    ]
    if faults:
        raise SpecError(faults)
    return tuple(head)
