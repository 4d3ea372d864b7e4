"""The variants measured: lorasweep, and HF Trainer with common settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OURS = "ours"
"""The variant that ratios refer to."""


@dataclass(frozen=True)
class Variant:
    """One way to run the trials.

    Attributes:
        says: description for the table.
        settings: lorasweep's settings that differ; None for Trainer.
        options: options of ``rival.py`` that differ.
    """

    says: str
    settings: Mapping[str, Any] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


VARIANTS: Mapping[str, Variant] = {
    OURS: Variant("lorasweep, in the numbers that a study begun here takes", settings={}),
    "ours-f32": Variant("lorasweep, float32", settings={"compute_dtype": "float32"}),
    "ours-bf16": Variant("lorasweep, bfloat16", settings={"compute_dtype": "bfloat16"}),
    "stock": Variant(
        "Trainer, the usual QLoRA recipe: prepare_model_for_kbit_training with its defaults, "
        "gradient checkpointing",
        options={"checkpointing": True},
    ),
    "best": Variant("Trainer, float32, no checkpointing, SDPA, padded to the batch's longest"),
    "best-grouped": Variant(
        "the same, batches grouped by length (other batches)", options={"grouping": True}
    ),
    "best-bf16": Variant("as best, bfloat16 mixed precision", options={"bf16": True}),
    "best-bf16-grouped": Variant(
        "both: bfloat16, grouped by length", options={"bf16": True, "grouping": True}
    ),
    "pad-1024": Variant("as best, all padded to 1024 tokens", options={"pad": True}),
}

DEFAULT = (OURS, "ours-f32", "stock", "best", "best-bf16", "best-grouped", "pad-1024")
"""lorasweep in its own dtype and in float32; Trainer by default, and tuned in both dtypes."""


def rival_options(variant: Variant, widest: int) -> dict[str, Any]:
    """All options of a Trainer variant for ``rival.py``.

    Args:
        variant: the variant.
        widest: number of tokens that ``pad`` pads to.
    """
    chosen = {"checkpointing": False, "grouping": False, "bf16": False, **variant.options}
    return {**chosen, "pad_to": widest if chosen.pop("pad", False) else None}
