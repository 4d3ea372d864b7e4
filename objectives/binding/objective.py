"""The binding-site objective: a QLoRA fine-tune of ESM-2, scored by validation MCC."""

from __future__ import annotations

from objectives.tasks.objective import LoraObjective


class BindingObjective(LoraObjective):
    """Validation MCC of binding residues, unless ``task`` says otherwise."""
