"""Test that the packed model of a base gives the same logits as ``transformers`` alone.

The packed model replaces a base's modules and concatenates its inputs. There is no list of
supported architectures: each base is tested, on a few windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bitsandbytes.nn.modules import Linear4bit
from transformers import PreTrainedModel

from objectives.data.chain import IGNORED
from objectives.data.prepare.windows import Windows
from objectives.lora.adapter_config import AdapterConfig
from objectives.lora.base.checks import reading
from objectives.lora.base.load import Base
from objectives.lora.packed.lane_parameters import Adapters
from objectives.lora.packed.layout import LaneBatch, Layout
from objectives.lora.packed.model import PackedModel
from sweep.errors import SpecError, fault

TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.2, torch.float16: 0.2}
"""Largest RMS difference of logits, relative to their standard deviation, attributed to rounding.

Measured: 1e-7 to 1e-5 in float32, 0.01 to 0.05 in half precision, with any attention kernel.
"""

_SHORT = (5, 13)  # lengths in tokens of the short windows tested next to the long one
_WAY_OUT = "Give a base of another architecture, such as ESM-2"


def sample_windows(tokens: Sequence[int], longest: int) -> Windows:
    """Deterministic random windows of unequal lengths, to test a base on.

    Args:
        tokens: token ids to draw from.
        longest: length of the first window in tokens.
    """
    rng = np.random.default_rng(0)
    lengths = (longest, *(min(length, longest) for length in _SHORT))
    rows = tuple(rng.choice(np.array(tokens, dtype=np.int64), length) for length in lengths)
    unknown = tuple(np.full(len(row), IGNORED, dtype=np.int64) for row in rows)
    return Windows(rows, unknown, unknown)


def agreeing(
    base: Base, base_weights: str, pad: int, windows: Windows, folder: Path, *, thoroughly: bool
) -> PackedModel:
    """Build a base's ``PackedModel`` and check that its logits equal those of transformers.

    Random number generators are restored, and the test's lanes and cached states are removed.

    Args:
        base: loaded and frozen; see ``PackedModel``.
        base_weights: see ``PackedModel``.
        pad: see ``PackedModel``.
        windows: to compare the logits on.
        folder: of the base, for messages.
        thoroughly: also test what depends on the architecture only: cached layers and training.

    Raises:
        SpecError: if they differ by more than ``TOLERANCE``, or it cannot be run or trained.
    """
    with torch.random.fork_rng(), reading(folder, "run on tokens alone", _WAY_OUT):
        head = {path: base.model.get_submodule(path).state_dict() for path in base.head}
        plain = _plain(base, pad, windows)
    rule = "be a model that the engine of packed trials can train"
    with torch.random.fork_rng(), reading(folder, rule, _WAY_OUT):
        model = PackedModel(base, base_weights, pad)
        lanes = [_lane(model, modules, head) for modules in (tuple(model.linears), ())]
        try:
            trial = _Comparison(model, lanes, windows, plain, folder)
            trial.evaluate()
            if thoroughly:
                trial.skip_layers()
                trial.train()
                trial.evaluate()
        finally:
            for lane in lanes:
                model.remove_lane(lane)
            model.prefix.forget(windows)
    return model


def _lane(
    model: PackedModel, modules: tuple[str, ...], head: Mapping[str, Mapping[str, Any]]
) -> Adapters:
    """Add a lane with untrained adapters, whose update is zero, and the base's own head."""
    lane = model.add_lane(AdapterConfig(1 if modules else 0, 1.0, "", modules, 0.5), 0, 1)
    for path, state in head.items():
        lane.heads[path].load_state_dict(state)
    return lane


@dataclass(frozen=True)
class _Comparison:
    """Comparison of the packed model's passes with the logits of ``transformers`` alone."""

    model: PackedModel  # the packed model
    lanes: Sequence[Adapters]  # one with adapters on all linear layers, one with none
    windows: Windows  # inputs of the passes
    plain: torch.Tensor  # the expected logits, shape (tokens, classes)
    folder: Path  # of the base, for messages

    @torch.no_grad()
    def evaluate(self) -> None:
        """Compare the logits of an evaluation pass."""
        for made in self.model.logits(self._shares()):
            self._hold(made, self.plain, "have the logits that transformers alone computes")

    @torch.no_grad()
    def skip_layers(self) -> None:
        """Compare passes from cached layers; on a difference, turn the cache off for the model."""
        shares = self._shares()[1:]
        for depth in {1, len(self.model.layers)} if self.model.layers else ():
            (made,) = self.model.logits(shares, skip=depth)
            if not self._agrees(made, self.plain):
                self.model.layers = []

    def train(self) -> None:
        """Check that a training step is reproducible, and that its backward pass runs."""
        steps = [replace(share, step=1) for share in self._shares()]
        first, again = (self.model.logits(steps) for _ in range(2))
        torch.stack([made.square().mean() for made in first]).sum().backward()
        for made, other in zip(again, first, strict=True):
            rule = "draw the same random numbers in the same step, whatever was drawn before"
            self._hold(made, other, rule)

    def _shares(self) -> list[LaneBatch]:
        everything = range(len(self.windows))
        return [LaneBatch(lane, self.windows, everything) for lane in self.lanes]

    def _agrees(self, made: torch.Tensor, expected: torch.Tensor) -> bool:
        # False for NaN.
        return _distance(made, expected) <= TOLERANCE[self.model.precision.compute_dtype]

    def _hold(self, made: torch.Tensor, expected: torch.Tensor, rule: str) -> None:
        if not self._agrees(made, expected):
            got = f"logits {100 * _distance(made, expected):.2g} % of their spread apart"
            where = str(self.folder)
            raise SpecError(fault("base", rule, got, where=where, way_out=_WAY_OUT))


def _distance(made: torch.Tensor, expected: torch.Tensor) -> float:
    """Root mean square difference, relative to the standard deviation of the expected logits."""
    made, expected = made.detach().double(), expected.detach().double()
    spread = (expected - expected.mean(0)).square().mean().sqrt()
    return float((made - expected).square().mean().sqrt() / spread)


@torch.no_grad()
def _plain(base: Base, pad: int, windows: Windows) -> torch.Tensor:
    """The logits of the unmodified model on padded windows, shape (tokens, classes)."""
    model, device = base.model.eval(), base.precision.device
    for module in model.modules():
        if isinstance(module, Linear4bit):
            # Else bitsandbytes computes in bfloat16 on CPUs with instructions for it.
            module.support_avx512bf16_for_cpu = False
    before = _states(model)
    layout = Layout((LaneBatch(None, windows, range(len(windows))),), width=max(windows.lengths))
    dtype = base.precision.compute_dtype
    with torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32):
        logits = model(**layout.tensors(pad, 0, device)).logits
    after = _states(model)
    changed = [name for name, value in before.items() if after.get(name) != value]
    if changed:  # BigBird switches its attention type after the first short window
        rule = "stay as it is while it runs, or trials would hang on what ran before"
        got = f"{changed[0]} changed"
        raise SpecError(fault("base", rule, got, way_out=_WAY_OUT))
    return layout.own(logits.float().flatten(0, 1), 0)


def _states(model: PreTrainedModel) -> dict[str, Any]:
    """All bool, int, float and str attributes of a model's modules, by path and name."""
    return {
        f"{path}.{name}": value
        for path, module in model.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, (bool, int, float, str))
    }
