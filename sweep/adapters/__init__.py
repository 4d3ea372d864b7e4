"""Take a trained adapter out of a study: its files, with a model card of what was measured."""

from sweep.adapters.export import Request, export_adapter
from sweep.adapters.shown import print_adapter

__all__ = ["Request", "export_adapter", "print_adapter"]
