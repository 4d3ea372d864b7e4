"""Search spaces with extreme but valid values: a sweep of them runs and ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bad_inputs.case import study
from tiers import first

from sweep.cli import main

SPACES = {
    "one point of reals": ("{'x1': Float(1, 1), 'x2': Float(0.5, 0.5)}", 1),
    "one point on a log axis": ("{'x1': Float(1e-3, 1e-3, log=True), 'x2': Int(4, 4)}", 1),
    "one point of all kinds": ("{'x1': Choice(1), 'x2': Int(2, 2), 'x3': TargetSets('mlp')}", 1),
    "two points": ("{'x1': Float(1, 1), 'x2': Choice(True, False)}", 2),
    "very wide": ("{'x1': Float(-8e307, 8e307), 'x2': Int(-(2**53), 0)}", 3),
    "very small": ("{'x1': Float(5e-324, 1e-300, log=True), 'x2': Float(-1e-9, 0)}", 3),
}


@pytest.mark.timeout(60)  # a sampler that searches for untried points might never end
@pytest.mark.parametrize("name", first(2, SPACES))
def test_a_sweep_of_an_odd_space_ends(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Three trials are requested; a space with fewer points runs each once."""
    params, trials = SPACES[name]
    (tmp_path / "study.py").write_text(study(f"space=Space({params})"))
    monkeypatch.chdir(tmp_path)

    assert main(["run", "study.py", "--trials", "3", "--workers", "1", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["counts"]["COMPLETE"] == trials
    assert report["counts"]["FAIL"] == 0
