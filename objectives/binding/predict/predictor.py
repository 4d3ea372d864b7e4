"""Load a saved adapter into its base model for prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from objectives.binding.predict.adapter_folder import KeptAdapter
from objectives.data.errors import listed
from objectives.data.prepare.alphabet import Alphabet
from objectives.data.prepare.windows import Windows
from objectives.lora.base import source
from objectives.lora.base.checks import NO_TRUST, Trust
from objectives.lora.base.config import quiet_libraries
from objectives.lora.base.load import Precision
from objectives.lora.memory import keep_memory, ran_out
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.settings import BindingSettings
from objectives.lora.training.evaluate import predict
from objectives.lora.training.inputs import Inputs
from objectives.tasks.residue_binary import ResidueBinary
from sweep.errors import SpecError, SweepError, fault

_GPU_TOKENS = 16_384  # least token budget of a pass on a GPU; small ones wait for kernel launches
_FEWEST_TOKENS = 64
"""Least tokens of a forward pass; a smaller one is filled up with copies of its windows. Matrix
products of a dozen rows or fewer use another kernel, so that the last bits of a short chain would
depend on the other chains of its pass; measured with MKL on one to four threads, all products of
more rows agree bit for bit."""


@dataclass(frozen=True)
class Place:
    """The base model and device to predict with."""

    base: str | None = None  # folder or name of the base model; None for that of the trial
    device: str = "auto"  # see ``BindingSettings``
    trust: Trust = NO_TRUST  # whether the base may contain pickles or code of its own


class Predictor:
    """Predicts the log-odds of binding (margins) of tokenised windows.

    On a CPU a window's margins are bitwise the same whatever else is in its forward pass, and the
    same as in the trial's evaluation. The exception are windows of fewer than a dozen residues
    that the trial evaluated alone (see ``_FEWEST_TOKENS``). If windows are padded (T5), the last
    bits may depend on the longest window of the pass.

    Args:
        kept: the saved adapter.
        place: the base model and device.

    Attributes:
        base: folder or name of the base model.
        precision: device and dtypes of the computation.
        alphabet: of the base's tokenizer.
        limit: most residues of a window.
        budget: most tokens of a forward pass; a longer window has a pass of its own.

    Raises:
        SpecError: if the base cannot be found or is not the trial's, the device does not exist,
            or adapter and base do not fit together.
    """

    def __init__(self, kept: KeptAdapter, place: Place) -> None:
        quiet_libraries()
        self.base = kept.base if place.base is None else place.base
        settings = _settings(kept.settings, place)
        self.precision = Precision.from_settings(settings)
        inputs = Inputs({"base": self.base}, settings, ResidueBinary)
        self._task = inputs.task(settings)
        _check_base(kept, inputs, place)
        self.alphabet = Alphabet.of(inputs.tokenizer)
        self.limit = inputs.max_residues
        on_cpu = self.precision.device.type == "cpu"
        if on_cpu:
            keep_memory()
        self.budget = settings.batch_tokens if on_cpu else max(settings.batch_tokens, _GPU_TOKENS)
        self._model = inputs.model(self.precision)
        lacking = [path for path in kept.config.modules if path not in self._model.linears]
        if lacking:
            raise SpecError(_unfit(kept, f"no matrix {lacking[0]}"))
        self._lane = self._model.add_lane(kept.config, kept.seed, settings.batch_tokens)
        _fill(self._lane, kept)

    def margins(self, windows: Windows) -> NDArray[np.float64]:
        """Log-odds of binding, in one forward pass.

        Args:
            windows: of at most ``budget`` tokens together, or a single one.

        Returns:
            One value per labelled residue, in the order of the windows; shape (residues,).

        Raises:
            SweepError: if memory runs out.
        """
        copies = -(-_FEWEST_TOKENS // sum(windows.lengths))
        filled = windows.select([*range(len(windows))] * copies) if copies > 1 else windows
        try:
            (made,) = predict(self._task, self._model, [self._lane], filled, sum(filled.lengths))
        except Exception as error:
            if not ran_out(error):
                raise
            rule = f"have room for a pass of {sum(filled.lengths)} tokens"
            way_out = "Give --device cpu, or another machine"
            device = str(self.precision.device)
            raise SweepError(fault("the device", rule, device, way_out=way_out)) from error
        return made.margin[: len(made.margin) // copies].astype(np.float64, copy=False)


def _settings(trained: BindingSettings, place: Place) -> BindingSettings:
    """The trial's settings with device and trust replaced by those of this prediction."""
    settings = replace(
        trained,
        device=place.device,
        allow_pickle=place.trust.pickle,
        trust_remote_code=place.trust.code,
    )
    on_cpu = place.device == "cpu" or not torch.cuda.is_available()
    if settings.compute_dtype == "float16" and on_cpu:  # slow on CPUs
        return replace(settings, compute_dtype="auto")
    return settings


def _check_base(kept: KeptAdapter, inputs: Inputs, place: Place) -> None:
    """Refuse a base that does not exist or whose fingerprint is not the trial's."""
    way_out = "Give the base that the adapter was trained on with --base"
    try:
        found = source.fingerprint(inputs.folder, place.trust)
    except SpecError as error:
        if place.base is not None:
            raise
        text = fault("--base", "say where the adapter's base is", None, where=kept.base)
        raise SpecError([*error.faults, text]) from error
    if found != kept.fingerprint:
        named = kept.base if place.base is None else place.base
        rule = f"be the one that the adapter was trained on ({kept.base}, {kept.fingerprint})"
        raise SpecError(fault("base", rule, named, where=f"it is {found}", way_out=way_out))


def _fill(lane: Adapters, kept: KeptAdapter) -> None:
    """Copy the saved tensors into the model's adapter."""
    shapes = {name: tensor.shape for name, tensor in lane.state().items()}
    given = {name: tensor.shape for name, tensor in kept.tensors.items()}
    if shapes != given:
        raise SpecError(_unfit(kept, _difference(shapes, given)))
    with torch.no_grad():
        for name, parameter in lane.named().items():
            tensor = kept.tensors[name].to(parameter.device)
            parameter.copy_(tensor.t() if name.endswith(".lora_B.weight") else tensor)


def _difference(wanted: Mapping[str, torch.Size], given: Mapping[str, torch.Size]) -> str:
    names = [name for name in sorted({*wanted, *given}) if wanted.get(name) != given.get(name)]
    pairs = (f"{name} {_shape(given.get(name))} for {_shape(wanted.get(name))}" for name in names)
    return listed(pairs, most=3)


def _shape(shape: torch.Size | None) -> str:
    return "nothing" if shape is None else "x".join(str(size) for size in shape)


def _unfit(kept: KeptAdapter, where: str) -> str:
    rule = "hold what fits its base and its configuration"
    way_out = "Copy the folder again from where the trial kept it"
    return fault("--adapter", rule, str(kept.folder), where=where, way_out=way_out)
