"""A kept adapter predicts its trial's validation split bit for bit on a CPU."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import confusion_matrix

from objectives.binding.predict.job import Job, Request


def labels_of(data: Path) -> list[int]:
    """Labels of the validation chains, residue by residue."""
    lines = (data / "validation.csv").read_text().splitlines()[1:]
    return [int(each) for line in lines for each in line.split(",")[2]]


def table(job: Job) -> tuple[list[float], list[int], dict[str, Any]]:
    """Probabilities and calls of a TSV file, and the summary."""
    out = io.StringIO()
    report = job.run(out, "tsv", lambda _: None)
    rows = [line.split("\t") for line in out.getvalue().splitlines()[1:]]
    return [float(row[3]) for row in rows], [int(row[4]) for row in rows], report


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        pytest.param(
            {"rank": 4, "alpha": 8, "targets": "all-linear"}, {}, marks=pytest.mark.integration
        ),
        ({"rank": 3, "alpha": 4, "targets": "query+value", "rslora": True, "dropout": 0.2}, {}),
        pytest.param(
            {"rank": 2, "scaling": 3, "targets": "esm.encoder.layer.1.output.dense"},
            {},
            marks=pytest.mark.integration,
        ),
        ({"rank": 0, "targets": "none"}, {"learning_rate": 1e-1}),
        pytest.param(
            {"rank": 4, "targets": "mlp"},
            {"quantization": "none", "batch_tokens": 128},
            marks=pytest.mark.integration,
        ),
    ],
    ids=lambda case: str(case.get("targets", "")) if isinstance(case, dict) else None,
)
def test_validation_is_predicted_again(
    train_and_keep: Callable[..., Any],
    long_data: Path,
    validation_fasta: Path,
    values: dict[str, Any],
    settings: dict[str, Any],
) -> None:
    """All margins, hence MCC at argmax and at the threshold; long chains in windows."""
    kept = train_and_keep(values, **settings)
    labels = labels_of(long_data)

    def mcc(threshold: float | None) -> float:
        request = Request(str(kept.folder), str(validation_fasta), threshold, device="cpu")
        probabilities, calls, report = table(Job(request))
        assert probabilities == expit(kept.margins).tolist()
        assert report["called"] == sum(calls)
        assert report["residues"] == len(labels) == 630
        tn, fp, fn, tp = (int(n) for n in confusion_matrix(labels, calls).ravel())
        return (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))

    assert np.std(kept.margins) > 0.5
    assert kept.result.value is not None
    assert kept.result.value > 0.3  # predictions in a wrong order would score about 0
    assert mcc(0.5) == kept.result.value
    at_threshold = kept.result.metrics["mcc_at_threshold"]
    assert mcc(None) == at_threshold
