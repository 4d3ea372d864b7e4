"""Options of ``report``, ``watch`` and ``dashboard``, in a module that imports nothing slow."""

from __future__ import annotations

import argparse

from sweep.cli.options import json_argument, name_argument, storage_arguments

WATCH_PORT, DASHBOARD_PORT = 8088, 8080


def seeing_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verbs ``report``, ``watch`` and ``dashboard``."""
    report = verbs.add_parser("report", help="write the verdict and all figures into a folder")
    storage_arguments(report, required=True)
    name_argument(report)
    report.add_argument("--out", metavar="DIR", help="where (NAME-report, beside the database)")
    report.add_argument(
        "--images",
        metavar="KINDS",
        default="",
        help="also each figure as an image: png, svg, or png,svg (needs a browser)",
    )
    _quick(report)
    report.add_argument(
        "--watch", action="store_true", help="write nothing; serve it, and follow the sweep"
    )
    _serving(report, WATCH_PORT)
    json_argument(report)

    watch = verbs.add_parser("watch", help="the report in a browser, following a sweep that runs")
    storage_arguments(watch, required=True)
    name_argument(watch)
    _quick(watch)
    _serving(watch, WATCH_PORT)
    json_argument(watch)

    dashboard = verbs.add_parser("dashboard", help="optuna-dashboard on the study's database")
    storage_arguments(dashboard, required=True)
    name_argument(dashboard)
    _serving(dashboard, DASHBOARD_PORT)
    json_argument(dashboard)


def _quick(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quick",
        action="store_true",
        help="without cross-checks, which may veto, and without what chance gives",
    )


def _serving(parser: argparse.ArgumentParser, port: int) -> None:
    parser.add_argument("--port", type=int, default=port, help=f"0 for any that is free ({port})")
    parser.add_argument("--open", action="store_true", help="open it in this machine's browser")
