"""Objectives: LoRA fine-tuning on binding sites, and synthetic functions of known importance."""
