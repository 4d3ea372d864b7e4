"""Resolve ``gradient_checkpointing``, by a trial's estimated memory and what is available."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from transformers import PreTrainedModel

from objectives.lora.base.load import Precision, encoder_parameters, head_modules
from objectives.lora.packed.model import layer_list
from objectives.lora.settings import BindingSettings
from objectives.lora.target_modules import encoder_linears
from objectives.lora.training.memory_estimate import MemoryEstimate, estimate

_PER_PARAMETER = 8  # bytes: more than a base takes for each parameter, dequantised or not
_PER_NUMBER = 64
"""Bytes for each number that a layer reads, writes or has as an attention weight: several times
what any tested architecture holds, so that no estimate is made where memory is ample."""


_ALLOCATED = 1.5
"""Memory that a process needs for each byte of a step's tensors. Allocators leave gaps: with glibc
1.3 to 1.5 was measured on ESM-2 8M, and more where few tensors are kept."""


class MemoryChoice:
    """Estimates what trials on a base and data take, and decides about gradient checkpointing.

    Args:
        skeleton: the token classifier on the meta device.
        longest: length of the longest training window in tokens.
        tokens: number of tokens of all training windows.
        available: bytes of memory for base and lanes.
    """

    def __init__(
        self, skeleton: PreTrainedModel, *, longest: int, tokens: int, available: int
    ) -> None:
        self._skeleton = skeleton
        self._longest = longest
        self._tokens = tokens
        self.available = available
        self._estimate = cache(self._estimated)

    def checkpointing(
        self, settings: BindingSettings, precision: Precision, modules: Sequence[str]
    ) -> bool:
        """Whether a trial is recomputed in part; with ``auto`` if one lane does not fit without.

        Without an estimate of the base, ``auto`` does not.

        Args:
            settings: the trial's; ``base_weights`` must be resolved.
            precision: device, compute dtype and quantisation of the trial.
            modules: paths of the adapted modules.
        """
        if settings.gradient_checkpointing != "auto":
            return bool(settings.gradient_checkpointing)
        if layer_list(self._skeleton) is None or self._ample(settings):
            return False
        found = self.estimate(settings, precision, modules, checkpointing=False)
        return isinstance(found, MemoryEstimate) and needed(found) > self.available

    def estimate(
        self,
        settings: BindingSettings,
        precision: Precision,
        modules: Sequence[str],
        *,
        checkpointing: bool,
    ) -> MemoryEstimate | str:
        """The estimate for a trial, or why there is none: some models branch on computed numbers.

        Args:
            settings: see ``checkpointing``.
            precision: see ``checkpointing``.
            modules: see ``checkpointing``.
            checkpointing: whether the trial uses it.
        """
        return self._estimate(settings, precision, tuple(modules), checkpointing)

    def report(
        self, settings: BindingSettings, precision: Precision, modules: Sequence[str]
    ) -> dict[str, Any]:
        """The estimate for a trial as JSON values, and what ``gradient_checkpointing`` becomes.

        Args:
            settings: see ``checkpointing``.
            precision: see ``checkpointing``.
            modules: see ``checkpointing``.
        """
        taken = self.checkpointing(settings, precision, modules)
        found = self.estimate(settings, precision, modules, checkpointing=taken)
        if isinstance(found, str):
            sizes: dict[str, Any] = {"unknown": found}
        else:
            sizes = {**found.to_json(), "needed_bytes": needed(found)}
        return {
            **sizes,
            "available_bytes": self.available,
            "gradient_checkpointing": taken,
            "step_tokens": sum(self._lengths(settings)),
            "longest_window": self._longest,
        }

    def _ample(self, settings: BindingSettings) -> bool:
        """Whether memory is so ample that no estimate is needed."""
        config, head = self._skeleton.config, head_modules(self._skeleton)
        linears = encoder_linears(self._skeleton, head).values()
        numbers = sum(linear.in_features + linear.out_features for linear in linears)
        heads = getattr(config, "num_attention_heads", config.hidden_size)
        attention = config.num_hidden_layers * heads * self._longest
        tokens = sum(self._lengths(settings))
        weights = _PER_PARAMETER * encoder_parameters(self._skeleton, head)
        return weights + _PER_NUMBER * tokens * (numbers + attention) <= self.available

    def _lengths(self, settings: BindingSettings) -> list[int]:
        """Lengths of the windows of the largest step: as many of the longest as it may have."""
        budget = min(settings.batch_tokens, self._tokens)
        if budget <= self._longest:
            return [self._longest]
        whole, rest = divmod(budget, self._longest)
        return [self._longest] * whole + [rest] * bool(rest)

    def _estimated(
        self,
        settings: BindingSettings,
        precision: Precision,
        modules: tuple[str, ...],
        checkpointing: bool,  # noqa: FBT001
    ) -> MemoryEstimate | str:
        lengths = self._lengths(settings)
        try:
            return estimate(
                self._skeleton, precision, settings, modules, lengths, checkpointing=checkpointing
            )
        except Exception as error:  # noqa: BLE001  # any model may do anything; trials may run
            return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def needed(found: MemoryEstimate) -> int:
    """Bytes that a process needs for the base and one lane, with an allocator's gaps."""
    return found.base + int(_ALLOCATED * found.lane)
