"""The base and the data of a study, read at first use and then kept for all trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from objectives.data.options import DataOptions
from objectives.data.prepare.alphabet import Alphabet
from objectives.data.prepare.prepare import PreparedData, prepare
from objectives.data.prepare.windows import Windows
from objectives.lora.base import source
from objectives.lora.base.checks import reading
from objectives.lora.base.config import base_limit, load_tokenizer, skeleton
from objectives.lora.base.load import (
    Base,
    Precision,
    check_weights,
    encoder_parameters,
    head_modules,
    load_base,
)
from objectives.lora.base.sample import sample_base, window_limit
from objectives.lora.base.trust import Trust
from objectives.lora.packed.model import PackedModel
from objectives.lora.settings import BindingSettings
from objectives.lora.training.agreement import agreeing, sample_windows
from objectives.seeds import derive
from sweep.errors import InputChangedError, SpecError, fault
from sweep.files.input_aliases import user_path

DEFAULTS = {"data": "builtin:motifs", "base": "builtin:esm2-mini"}
NAMES = (*DEFAULTS, "cache")
NO_SHIFT = fault(
    "label_shift",
    "be 0 for a base that reads no token before the first residue",
    1,
    way_out="Leave it out, or give a base with a start token, such as ESM-2",
)
_TRIED = 24, 1100
"""Tokens of the longest window that a base is tried on: at least and at most."""


def input_faults(inputs: Mapping[str, str]) -> list[str]:
    """Every unknown input, in words."""
    return [
        fault(f"inputs.{name}", f"be one of {', '.join(NAMES)}", value)
        for name, value in inputs.items()
        if name not in NAMES
    ]


@dataclass(frozen=True)
class Splits:
    """The prepared data, window by window.

    Attributes:
        train: the training windows.
        train_sample: those of them scored for the train-side metrics.
        validation: the windows that decide a trial's value.
        test: the windows kept for the final test; None when the data has none.
    """

    train: Windows
    train_sample: Windows
    validation: Windows
    test: Windows | None

    def shifted(self) -> Splits:
        """The same with every label on the token before its own."""
        return Splits(
            train=self.train.shifted(),
            train_sample=self.train_sample.shifted(),
            validation=self.validation.shifted(),
            test=None if self.test is None else self.test.shifted(),
        )


class Inputs:
    """What a study reads: ``data``, ``base`` and the ``cache`` folder for prepared data.

    Args:
        inputs: where each is; see ``DEFAULTS``.
        settings: the data options among the study's settings.
    """

    def __init__(self, inputs: Mapping[str, str], settings: BindingSettings) -> None:
        self._inputs = {**DEFAULTS, **inputs}
        self._settings = settings
        self._trust = Trust.from_settings(settings)
        self._models: dict[Precision, PackedModel] = {}

    @cached_property
    def folder(self) -> Path:
        """Where the base lies on this machine."""
        return source.locate(self._inputs["base"], self._trust)

    @cached_property
    def skeleton(self) -> PreTrainedModel:
        """The token classifier without weights."""
        return skeleton(self.folder, self._trust)

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The base's tokenizer."""
        return load_tokenizer(self.folder, self._trust)

    @cached_property
    def alphabet(self) -> Alphabet:
        """How residues are written for the base."""
        return Alphabet.of(self.tokenizer)

    @cached_property
    def max_residues(self) -> int:
        """The longest window the base takes.

        Raises:
            SpecError: if not even one residue fits its positions.
        """
        limit = base_limit(self.skeleton.config, self.tokenizer)
        if limit < 1:
            where = str(self.folder)
            raise SpecError(fault("base_limit", "be at least 1 residue", limit, where=where))
        return limit

    @cached_property
    def data(self) -> PreparedData:
        """The data, tokenised and split, from the cache where it is there."""
        s = self._settings
        return prepare(
            self._inputs["data"],
            tokenizer=self.tokenizer,
            base_limit=self.max_residues,
            options=DataOptions(
                validation_fraction=s.validation_fraction,
                max_residues=s.max_residues,
                train_chains=s.train_chains,
                validation_chains=s.validation_chains,
                test_chains=s.test_chains,
                skip_bad=s.skip_bad,
                allow_pickle=s.allow_pickle,
                seed=s.data_seed,
                split_by=s.split_by,
                cluster_method=s.cluster_method,
                cluster_identity=s.cluster_identity,
                cluster_coverage=s.cluster_coverage,
            ),
            cache=Path(self._inputs.get("cache") or platformdirs.user_cache_dir("lorasweep")),
        )

    @cached_property
    def splits(self) -> Splits:
        """The splits, read from the cache when a window is wanted."""
        train = Windows.from_dataset(self.data.train).labelled()
        count = min(self._settings.train_metric_chains, len(train))
        rng = np.random.default_rng(derive(self._settings.data_seed, "train metrics"))
        sample = sorted(rng.choice(len(train), size=count, replace=False).tolist())
        return Splits(
            train=train,
            train_sample=train.select(sample),
            validation=Windows.from_dataset(self.data.validation),
            test=None if self.data.test is None else Windows.from_dataset(self.data.test),
        )

    @cached_property
    def shifted_splits(self) -> Splits:
        """The splits with every label on the token before its own.

        Raises:
            SpecError: if the first residue has no token before it.
        """
        if not self.alphabet.before:
            raise SpecError(NO_SHIFT)
        return self.splits.shifted()

    def model(self, precision: Precision) -> PackedModel:
        """The base with room for lanes, loaded and quantised once per process and precision."""
        if precision not in self._models:
            known = self._stamped
            try:
                base = load_base(self.folder, precision, self._trust)
            except SpecError:
                self._refuse_another(known)
                raise
            self._refuse_another(known)
            self._models[precision] = self._agreeing(base, thoroughly=False)
        return self._models[precision]

    def prove(self) -> None:
        """Make sure that trials on the base can be computed, reading no numbers of it.

        Raises:
            SpecError: if its weights are not whole, or the engine computes of its architecture
                something else than transformers; see ``packed.agreement``.
        """
        check_weights(self.folder, self._trust)
        head = head_modules(self.skeleton)
        with reading(self.folder, "be an architecture that can be tried"):
            base = sample_base(self.skeleton.config, encoder_parameters(self.skeleton, head))
        self._agreeing(base, thoroughly=True)

    def _agreeing(self, base: Base, *, thoroughly: bool) -> PackedModel:
        """Put a base to the engine's use, and prove that it computes the same there."""
        low, high = _TRIED
        beyond = window_limit(self.skeleton.config) + 8
        longest = min(max(low, beyond), self.max_residues, high)
        windows = sample_windows(self.alphabet.codes.tolist(), longest)
        pad = int(self.tokenizer.pad_token_id)
        weights = self._settings.base_weights
        return agreeing(base, weights, pad, windows, self.folder, thoroughly=thoroughly)

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Digests of what the inputs hold, as they were when first read."""
        return {"data": self.data.fingerprint, "base": self._stamped[1]}

    @cached_property
    def _stamped(self) -> tuple[list[tuple[str, int, int, int]], str]:
        """The base's files as they were before they were read, and their digest."""
        return source.stamp(self.folder), source.fingerprint(self.folder, self._trust)

    def _refuse_another(self, known: tuple[list[tuple[str, int, int, int]], str]) -> None:
        """Refuse a base whose files were replaced after their digest was taken.

        Raises:
            InputChangedError: with both digests, or with what is wrong with the files now.
        """
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
        """What the base is, for people."""
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
