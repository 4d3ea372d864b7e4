"""One chain as an HTML page that asks for nothing else."""

from objectives.binding.predict.page.page import About, draw

__all__ = ["About", "draw"]
