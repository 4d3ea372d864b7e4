"""Options shared by several verbs."""

from __future__ import annotations

import argparse
import math

from sweep.errors import UsageError, fault
from sweep.files.location import at_home
from sweep.trackers import NAMES
from sweep.workers.ray.config import RayConfig

_BARE = ("study", "source", "fasta")
_PATHS = (*_BARE, "adapter", "out", "html", "files")
"""Options and arguments that are paths; ``--data`` and ``--base`` may also be names."""


def expand_paths(options: argparse.Namespace) -> None:
    """Expand a leading ``~`` in each path option, where the shell did not.

    Raises:
        UsageError: lists all that name the home of an unknown user.
    """
    faults: list[str] = []
    for name in _PATHS:
        text = getattr(options, name, None)
        if not isinstance(text, str):
            continue
        try:
            setattr(options, name, at_home(text, name if name in _BARE else f"--{name}"))
        except UsageError as error:
            faults += error.faults
    if faults:
        raise UsageError(faults)


def amount(options: argparse.Namespace, name: str) -> int | None:
    """The number that an option gives; None for ``auto``, or if the verb lacks the option.

    Raises:
        UsageError: if it is neither ``auto`` nor a whole number of 1 or more.
    """
    text: str = getattr(options, name, "auto")
    if text == "auto":
        return None
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(fault(f"--{name}", "be auto, or a whole number of 1 or more", text))
    return number


def cluster(options: argparse.Namespace) -> RayConfig | None:
    """The Ray cluster that the options name; None for this machine.

    Raises:
        UsageError: lists all faults of these options.
    """
    faults, resources = [], {}
    for part in filter(None, (each.strip() for each in options.resources.split(","))):
        name, _, text = part.partition("=")
        try:
            resources[name.strip()] = float(text)
        except ValueError:
            resources[name.strip()] = -1.0
    bad = [name for name, n in resources.items() if not name or not 0 <= n < math.inf]
    if bad:
        rule, way_out = "be NAME=NUMBER, parted by commas", "For example gpu=0.5,cpu=2"
        faults.append(fault("--resources", rule, options.resources, way_out=way_out))
    if options.launcher != "ray":
        for name in ("ray_address", "resources"):
            if getattr(options, name):
                rule = "go with --launcher ray"
                faults.append(fault(f"--{name.replace('_', '-')}", rule, getattr(options, name)))
    if faults:
        raise UsageError(faults)
    return RayConfig(options.ray_address, resources) if options.launcher == "ray" else None


def study_arguments(parser: argparse.ArgumentParser) -> None:
    """Add options for the study's file, settings and inputs."""
    parser.add_argument(
        "study", help="a module or file that holds STUDY: studies.demo, or studies/demo.py"
    )
    input_arguments(parser)
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="fix one setting of the objective (epochs=2); may be repeated",
    )
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="drop, count and list unreadable records instead of stopping at them",
    )
    _grant_arguments(parser)


def _grant_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        help="load pickled weights and data, which can run any code: only files you trust",
    )
    parser.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="run the code that a base model brings along",
    )


TRUSTING = ("trust_study", "allow_pickle", "trust_remote_code")
"""The options of ``trust_arguments``."""


def trust_arguments(parser: argparse.ArgumentParser) -> None:
    """Add options that allow code named by a database to run."""
    parser.add_argument(
        "--trust-study",
        action="store_true",
        help="run the code that the database names; once, for a study that you did not run here",
    )
    _grant_arguments(parser)


def name_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option for the study's name."""
    parser.add_argument("--name", help="the study's name in its database")


def input_arguments(parser: argparse.ArgumentParser) -> None:
    """Add options for the study's inputs."""
    parser.add_argument("--data", metavar="DIR", help="labelled chains: a folder, file or data set")
    parser.add_argument("--base", metavar="MODEL", help="the base model: a folder or a Hub name")


def run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add options for the budget, the workers and the final test."""
    parser.add_argument("--trials", type=int, help="run until this many trials are COMPLETE")
    worker_arguments(parser)
    parser.add_argument(
        "--final-test",
        action="store_true",
        help="afterwards score the test split with the best trial, once",
    )


def worker_arguments(parser: argparse.ArgumentParser) -> None:
    """Add options for running trials."""
    parser.add_argument("--seconds", type=float, help="start no new trial after this long")
    parser.add_argument(
        "--workers",
        metavar="N",
        default="auto",
        help="worker processes, or auto: as many as suit the machine (auto)",
    )
    parser.add_argument(
        "--pack",
        metavar="K",
        default="auto",
        help="trials that each worker trains together, or auto: as many as it best does (auto)",
    )
    parser.add_argument(
        "--on-failure",
        metavar="POLICY",
        help="continue with other trials, stop, or retry(K): run a failed trial K times more",
    )
    parser.add_argument(
        "--max-retries", type=int, help="how often a trial may be interrupted and run again"
    )
    parser.add_argument(
        "--keep",
        metavar="WHICH",
        help="trained adapters to keep: of the best trial, of all, or none",
    )
    parser.add_argument(
        "--files",
        metavar="DIR",
        help="where checkpoints and adapters go (beside the database; runs/files for a server)",
    )
    parser.add_argument(
        "--launcher",
        choices=("local", "ray"),
        default="local",
        help="worker processes on this machine, or actors on a Ray cluster (local)",
    )
    parser.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        default="",
        help="with --launcher ray: auto, or the address of a cluster; one is started without",
    )
    parser.add_argument(
        "--resources",
        metavar="NAME=N,...",
        default="",
        help="with --launcher ray: what a worker takes, such as gpu=0.5,cpu=2 (cpu=1)",
    )
    parser.add_argument(
        "--track",
        metavar="TRACKER",
        action="append",
        default=[],
        help=f"also log every trial to {', '.join(NAMES)}; may be repeated",
    )
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="drive the study although another process seems to",
    )


def storage_arguments(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the option for the database."""
    parser.add_argument(
        "--storage",
        metavar="URL",
        required=required,
        help="the database" + ("" if required else " (sqlite:///runs/NAME/study.db)"),
    )


def json_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option for JSON output."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")
