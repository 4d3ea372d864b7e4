"""The installed command, as a person or a script runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("lorasweep"))


def lorasweep(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in ``folder`` and wait."""
    return subprocess.run(
        [PROGRAM, *arguments], cwd=folder, capture_output=True, text=True, timeout=250, check=False
    )
