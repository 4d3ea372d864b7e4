"""The base model and the data of a study, loaded at first use and shared by all trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from objectives.data.prepare.alphabet import Alphabet
from objectives.data.prepare.prepare import PreparedData, prepare
from objectives.data.prepare.windows import Windows
from objectives.lora.base import source
from objectives.lora.base.checks import Trust, reading
from objectives.lora.base.config import base_limit, load_config, load_tokenizer, skeleton
from objectives.lora.base.load import (
    Base,
    Precision,
    check_weights,
    encoder_parameters,
    head_modules,
    load_base,
)
from objectives.lora.base.sample import sample_base, window_limit
from objectives.lora.memory import available_bytes
from objectives.lora.packed.model import PackedModel, layer_list
from objectives.lora.settings import BindingSettings
from objectives.lora.task import Task
from objectives.lora.training.agreement import agreeing, sample_windows
from objectives.lora.training.memory_choice import MemoryChoice
from objectives.seeds import derive
from sweep.errors import InputChangedError, SpecError, fault
from sweep.files.location import user_path

DEFAULTS = {"data": "builtin:motifs", "base": "builtin:esm2-mini"}
NAMES = (*DEFAULTS, "cache")
NO_SHIFT = fault(
    "label_shift",
    "be 0 for a base that reads no token before the first residue",
    1,
    way_out="Leave it out, or give a base with a start token, such as ESM-2",
)
NO_CHECKPOINTING = fault(
    "settings.gradient_checkpointing",
    "be 'auto' or false for a base whose layers are not one list of modules",
    True,
)
_TRIED = 24, 1100  # least and most tokens of the longest window that a base is tested on


def input_faults(inputs: Mapping[str, str]) -> list[str]:
    """Messages for all unknown input names; empty if none."""
    return [
        fault(f"inputs.{name}", f"be one of {', '.join(NAMES)}", value)
        for name, value in inputs.items()
        if name not in NAMES
    ]


@dataclass(frozen=True)
class Splits:
    """The windows of each split of the prepared data."""

    train: Windows  # the training windows
    train_sample: Windows  # a sample of them, scored for the ``train_*`` metrics
    validation: Windows  # trials are scored on it; None if absent
    test: Windows | None  # for the best trial only; None if absent

    def shifted(self) -> Splits:
        """The splits with every label moved to the token before its own."""
        return Splits(
            train=self.train.shifted(),
            train_sample=self.train_sample.shifted(),
            validation=self.validation.shifted(),
            test=None if self.test is None else self.test.shifted(),
        )


class Inputs:
    """Loads a study's inputs: ``data``, ``base`` and the ``cache`` folder for prepared data.

    Args:
        inputs: location of each; see ``DEFAULTS``.
        settings: the study's; its data options and permissions are used.
        task: what is predicted.
        facts: of the labels, see ``LabelKind.facts``; None to take those of the data.
    """

    def __init__(
        self,
        inputs: Mapping[str, str],
        settings: BindingSettings,
        task: type[Task],
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self._task = task
        self._facts = facts
        self._inputs = {**DEFAULTS, **inputs}
        self._settings = settings
        self._trust = Trust.from_settings(settings)
        self._models: dict[Precision, PackedModel] = {}

    def task(self, settings: BindingSettings) -> Task:
        """The task, with a trial's settings."""
        return self._task(settings, self.facts)

    @property
    def facts(self) -> Mapping[str, Any]:
        """What is known of the labels, see ``LabelKind.facts``."""
        if self._facts is None:
            self._facts = self.data.summary.labels if self._task.needs_facts else {}
        return self._facts

    @property
    def outputs(self) -> int:
        """Number of outputs of the head."""
        return self.task(self._settings).outputs

    @cached_property
    def folder(self) -> Path:
        """The base's local folder."""
        return source.locate(self._inputs["base"], self._trust)

    @cached_property
    def skeleton(self) -> PreTrainedModel:
        """The token classifier on the meta device, without weights."""
        return skeleton(self.folder, self._trust, self.outputs)

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The base's tokenizer."""
        return load_tokenizer(self.folder, self._trust)

    @cached_property
    def alphabet(self) -> Alphabet:
        """The mapping of residues to the base's tokens."""
        return Alphabet.of(self.tokenizer)

    @cached_property
    def max_residues(self) -> int:
        """The longest window that the base takes, in residues.

        Raises:
            SpecError: if it is less than one.
        """
        # Not the skeleton's: its head may depend on the data, which depend on this limit.
        limit = base_limit(load_config(self.folder, self._trust), self.tokenizer)
        if limit < 1:
            where = str(self.folder)
            raise SpecError(fault("base_limit", "be at least 1 residue", limit, where=where))
        return limit

    @cached_property
    def data(self) -> PreparedData:
        """The data, tokenised and split; from the cache if it is there."""
        return prepare(
            self._inputs["data"],
            tokenizer=self.tokenizer,
            base_limit=self.max_residues,
            options=self._settings.data,
            cache=Path(self._inputs.get("cache") or platformdirs.user_cache_dir("lorasweep")),
            kind=self._task.labels(self._settings.label_column),
        )

    @cached_property
    def splits(self) -> Splits:
        """The splits as windows, which are read from the cache at access."""
        train = Windows.from_dataset(self.data.train).labelled()
        count = min(self._settings.train_metric_chains, len(train.units))
        rng = np.random.default_rng(derive(self._settings.data_seed, "train metrics"))
        drawn = sorted(rng.choice(len(train.units), size=count, replace=False).tolist())
        sample = [window for unit in drawn for window in train.units[unit]]
        return Splits(
            train=train,
            train_sample=train.select(sample),
            validation=Windows.from_dataset(self.data.validation),
            test=None if self.data.test is None else Windows.from_dataset(self.data.test),
        )

    @cached_property
    def shifted_splits(self) -> Splits:
        """The splits with every label moved to the token before its own.

        Raises:
            SpecError: if the first residue has no token before it.
        """
        if not self.alphabet.before:
            raise SpecError(NO_SHIFT)
        return self.splits.shifted()

    def model(self, precision: Precision) -> PackedModel:
        """The packed model of the base, loaded and quantised once per process and precision.

        Raises:
            SpecError: if the base is damaged, or the packed model does not agree with transformers.
            InputChangedError: if the base's files changed since their digest was taken.
        """
        if precision not in self._models:
            known, _ = self._stamped, self._available  # both as of before it is loaded
            try:
                base = load_base(self.folder, precision, self._trust, self.outputs)
            except SpecError:
                self._refuse_another(known)
                raise
            self._refuse_another(known)
            self._models[precision] = self._agreeing(base, thoroughly=False)
        return self._models[precision]

    def prove(self) -> None:
        """Check that trials on the base can be computed, without reading its weights.

        Raises:
            SpecError: if weight files are damaged, or the packed model of its architecture does
                not agree with transformers; see ``training.agreement``.
        """
        check_weights(self.folder, self._trust, self.outputs)
        head = head_modules(self.skeleton)
        with reading(self.folder, "be an architecture that can be tried"):
            base = sample_base(self.skeleton.config, encoder_parameters(self.skeleton, head))
        self._agreeing(base, thoroughly=True)
        if self._settings.gradient_checkpointing is True and layer_list(self.skeleton) is None:
            raise SpecError(NO_CHECKPOINTING)

    @cached_property
    def memory(self) -> MemoryChoice:
        """Estimates of what trials take, for the data's largest step."""
        train, marks = self.data.summary.splits["train"], self.alphabet.marks
        longest = min(train.lengths["max"], self.max_residues) + marks
        tokens = train.residues + marks * train.windows
        return MemoryChoice(
            self.skeleton, longest=longest, tokens=tokens, available=self._available
        )

    @cached_property
    def _available(self) -> int:
        return available_bytes(Precision.from_settings(self._settings).device)

    def checkpointing(
        self, settings: BindingSettings, model: PackedModel, modules: Sequence[str]
    ) -> bool:
        """Whether a trial uses gradient checkpointing; see ``MemoryChoice.checkpointing``.

        Args:
            settings: the trial's.
            model: the packed model that it trains on.
            modules: paths of the adapted modules.
        """
        settled = replace(settings, base_weights=model.base_weights)
        return self.memory.checkpointing(settled, model.precision, modules)

    def _agreeing(self, base: Base, *, thoroughly: bool) -> PackedModel:
        """Build the packed model and check its agreement with transformers; see ``agreeing``."""
        low, high = _TRIED
        beyond = window_limit(self.skeleton.config) + 8
        longest = min(max(low, beyond), self.max_residues, high)
        windows = sample_windows(self.alphabet.codes.tolist(), longest)
        pad = int(self.tokenizer.pad_token_id)
        weights = self._settings.base_weights
        return agreeing(base, weights, pad, windows, self.folder, thoroughly=thoroughly)

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Digests of the contents of data and base, as of their first use."""
        return {"data": self.data.fingerprint, "base": self._stamped[1]}

    @cached_property
    def _stamped(self) -> tuple[list[tuple[str, int, int, int]], str]:
        """The stamp of the base's files, taken before they were read, and their digest."""
        return source.stamp(self.folder), source.fingerprint(self.folder, self._trust)

    def _refuse_another(self, known: tuple[list[tuple[str, int, int, int]], str]) -> None:
        """Check that the base's files have not changed since their digest was taken."""
        before, digest = known
        try:
            if source.stamp(self.folder) == before:
                return
            now = source.fingerprint(self.folder, self._trust)
        except (SpecError, OSError) as error:
            now = str(error).splitlines()[0]
        if now != digest:
            rule, where = f"stay what it was while it is read ({digest})", str(self.folder)
            raise InputChangedError(fault("base", rule, now, where=where))

    def about_base(self) -> dict[str, Any]:
        """Name, type and sizes of the base, for display."""
        config = self.skeleton.config
        return {
            "name": user_path(self._inputs["base"]),
            "model_type": config.model_type,
            "parameters": encoder_parameters(self.skeleton, head_modules(self.skeleton)),
            "layers": config.num_hidden_layers,
            "hidden_size": config.hidden_size,
            "max_residues": self.max_residues,
            "tokens": self.alphabet.described(),
        }
