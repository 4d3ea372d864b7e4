"""What importing the data package loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_importing_the_data_package_loads_no_heavy_library() -> None:
    """Torch is never needed, and the other libraries only when data are read."""
    heavy = "{'torch', 'transformers', 'datasets', 'pyarrow', 'scipy'}"
    code = f"import sys, objectives.data.prepare.prepare; print({heavy} & set(sys.modules))"

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "set()"
