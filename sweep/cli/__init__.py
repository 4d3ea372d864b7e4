"""The ``lorasweep`` command."""

from sweep.cli.main import main

__all__ = ["main"]
