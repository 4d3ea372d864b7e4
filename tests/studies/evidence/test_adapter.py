"""The published adapter is the measured one, and predicts."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import load_file

from studies.evidence.numbers import NUMBERS, RESULTS
from sweep.cli import main

ADAPTER = RESULTS / "binding_sites_adapter"
CHAINS = ">one\nMKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ\n>two\nGAGKSTWYV\n"


def test_the_adapter_is_a_trial_of_the_database() -> None:
    """Its record has the values in the documents, and contains no path of a machine."""
    found = json.loads(NUMBERS.read_text(encoding="utf-8"))["binding_sites_final"]
    record = json.loads((ADAPTER / "trial.json").read_text(encoding="utf-8"))
    card = (ADAPTER / "README.md").read_text(encoding="utf-8")

    assert record["mcc"] == found["best"]["value"]
    assert record["fingerprints"]["base"] == found["fingerprints"]["base"]
    assert f"{found['final_test']['metrics']['test_mcc']:.4f}" in card
    assert record["base"] == "esm2-8m"
    assert "to be filled in" not in card
    # 6 layers of 6 matrices, and a head.
    assert len(load_file(ADAPTER / "adapter_model.safetensors")) > 72


def test_the_adapter_predicts_on_its_base(shared: Path, tmp_path: Path) -> None:
    """As in the README."""
    (tmp_path / "proteins.fasta").write_text(CHAINS)
    out = tmp_path / "calls.tsv"
    base = str(shared / "models" / "esm2_t6_8m")
    given = ["--adapter", str(ADAPTER), "--base", base, str(tmp_path / "proteins.fasta")]

    assert main(["predict", *given, "--device", "cpu", "--out", str(out)]) == 0
    rows = [line.split("\t") for line in out.read_text().splitlines() if line[0] != "#"]
    assert len(rows) == 1 + 33 + 9


def test_another_base_is_refused(tmp_path: Path) -> None:
    """The embedded base is not the one it was trained on."""
    (tmp_path / "proteins.fasta").write_text(CHAINS)
    given = ["--base", "builtin:esm2-mini", str(tmp_path / "proteins.fasta")]

    assert main(["predict", "--adapter", str(ADAPTER), *given]) == 2
