"""An objective of another field: temperature forecasts with an error to minimise."""

from __future__ import annotations

from one_by_one import OneByOne

from sweep import Budget, Choice, Sampler, Space, StudySpec
from sweep.study.measures import Column, Curve, Metric, Table, TableRow
from sweep.study.objective import ObjectiveInfo
from sweep.study.trial import Report, TrialParams, TrialResult, TrialState

METRICS = (
    Metric("rmse", "RMSE", "K", False, (0.0, None), "root mean square error"),
    Metric("bias", "mean deviation", "K", None, None, "mean deviation"),
    Metric("stations", "stations"),
)
TABLES = (
    Table(
        "days",
        "By day",
        "The best trial's error by day",
        "day",
        (
            TableRow("first", "day one", {"day": 1.0, "rmse": "rmse"}, "first day"),
            TableRow("none", "day nine", {"day": 9.0, "rmse": "rmse_late"}),
        ),
    ),
    Table("per_station", "By station", "The best trial's error at each station", "station"),
)
CURVES = (
    Curve(
        "lead-time",
        "lead_time",
        "Error by lead time",
        "day",
        "rmse",
        (Column("day", "days ahead", (0.0, 10.0)), Column("rmse", "RMSE (K)")),
        "its error at {n} lead times.",
        marks="days",
        points=True,
    ),
)


class Forecast(OneByOne):
    """The error falls with depth and with width."""

    def facts(self) -> ObjectiveInfo:
        """Its measures; no inputs are read."""
        return ObjectiveInfo(metrics=METRICS, tables=TABLES, curves=CURVES)

    def one(self, params: TrialParams, report: Report) -> TrialResult:
        """A trial's result."""
        error = 4.5 - 0.5 * float(params.values["depth"]) - 0.25 * float(params.values["width"])
        report(params.number, 1, error, {"rmse": error})
        metrics = {
            "rmse": error,
            "rmse_low": error - 0.125,
            "rmse_high": error + 0.125,
            "train_rmse": error - 0.5,
            "rmse_gap": 0.5,
            "bias": -0.25,
            "stations": 12,
            "per_station": {"north": {"rmse": error - 1}, "south": {"rmse": error + 1}},
            "lead_time": {"day": [1, 2, 3], "rmse": [error, error + 1, error + 2]},
        }
        return TrialResult(params.number, TrialState.COMPLETE, error, metrics)


STUDY = StudySpec(
    name="forecasts",
    objective="weather:Forecast",
    space=Space({"depth": Choice(1, 2, 3), "width": Choice(1, 2)}),
    direction="minimize",
    sampler=Sampler("random", seed=1),
    budget=Budget(trials=6),
)
