"""100 000 bad inputs: every fuzz test with many examples and a new seed.

``LORASWEEP_FUZZ_SEED`` repeats a campaign; ``pytest -s`` shows the counts.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = (
    "tests/sweep/test_fuzz.py",
    "tests/bad_inputs/test_fuzz_command.py",
    "tests/bad_inputs/test_fuzz_specs.py",
    "tests/objectives/data/test_fuzz.py",
)
INPUTS = 100_000
EXAMPLES = 6000
"""Examples per test; some parsers have fewer distinct inputs."""


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_inputs_raise_only_expected_errors() -> None:
    """Counts Hypothesis's passing and invalid examples over all fuzz tests."""
    seed = os.environ.get("LORASWEEP_FUZZ_SEED", str(random.SystemRandom().randrange(2**32)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES]
    run = subprocess.run(
        [*command, f"--hypothesis-seed={seed}", "--hypothesis-show-statistics", "--timeout=3000"],
        cwd=ROOT,
        env={**os.environ, "LORASWEEP_FUZZ_EXAMPLES": str(EXAMPLES)},
        capture_output=True,
        text=True,
        check=False,
    )
    counts = re.findall(r"(\d+) passing, (\d+) failing, and (\d+) invalid", run.stdout)
    inputs = sum(int(passing) + int(failing) for passing, failing, _ in counts)
    print(f"{inputs} inputs of {len(counts)} tests with seed {seed}")

    failures = run.stdout.partition("= FAILURES =")[2].partition("= Hypothesis Statistics =")[0]
    assert run.returncode == 0, f"seed {seed}: {failures or run.stdout[-2000:]}{run.stderr[-2000:]}"
    assert inputs >= INPUTS
