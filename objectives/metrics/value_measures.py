"""What is measured of predicted numbers."""

from __future__ import annotations

from sweep.study.measures import Measures, Metric

_CORRELATION = (-1.0, 1.0)


def _measures(each: str) -> Measures:
    return Measures(
        metrics=(
            Metric("spearman", "Spearman", "", True, _CORRELATION, "Spearman's correlation"),
            Metric("pearson", "Pearson", "", True, _CORRELATION, "Pearson's correlation"),
            Metric("mae", "MAE", "", False, (0.0, None), "mean absolute error"),
            Metric("rmse", "RMSE", "", False, (0.0, None), "root mean square error"),
            Metric("r2", "R2", "", True, (None, 1.0), "share of the variance explained"),
            Metric("loss", "loss", "", False, (0.0, None)),
            Metric("predictions", each, description=each),
        )
    )


RESIDUE_VALUES = _measures("residues")
SEQUENCE_VALUES = _measures("sequences")
