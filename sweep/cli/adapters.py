"""The verb ``adapters``: export trained adapters from a study."""

from __future__ import annotations

import argparse
from pathlib import Path

from sweep.cli.options import (
    TRUSTING,
    input_arguments,
    json_argument,
    name_argument,
    storage_arguments,
    trust_arguments,
)
from sweep.errors import UsageError, fault

VERBS = ("adapters",)


def adapters_verb(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb and its actions."""
    adapters = verbs.add_parser("adapters", help="take a trained adapter out of a study")
    actions = adapters.add_subparsers(dest="action", metavar="ACTION", required=True)
    export = actions.add_parser(
        "export", help="a folder that PEFT loads, with a model card of what was measured"
    )
    storage_arguments(export, required=True)
    name_argument(export)
    export.add_argument(
        "--trial", metavar="WHICH", required=True, help="best, or the number of a trial"
    )
    export.add_argument("--out", metavar="DIR", required=True, help="a new or empty folder")
    export.add_argument(
        "--retrain",
        action="store_true",
        help="train the trial again, where its adapter was not kept",
    )
    input_arguments(export)
    trust_arguments(export)
    export.add_argument(
        "--license",
        metavar="ID",
        default="unknown",
        help="of the adapter, as the Hugging Face Hub writes it (unknown)",
    )
    json_argument(export)


def adapters(options: argparse.Namespace) -> int:
    """Export an adapter."""
    from sweep.cli.adapter_export.export import Request, export_adapter
    from sweep.cli.output import show
    from sweep.cli.study_file import apply_options
    from sweep.cli.trust import trusted_source
    from sweep.storage.studies import load_study, quiet_optuna, read_spec
    from sweep.storage.url import StorageUrl
    from sweep.terminal.adapter import print_adapter

    out = Path(options.out).expanduser().resolve()
    request = Request(options.trial, out, options.retrain, options.license)
    faults = [*request.faults(), *_input_faults(options)]
    if faults:
        raise UsageError(faults)
    address = StorageUrl.parse(options.storage)
    with quiet_optuna():
        study = load_study(address, options.name)
        if options.retrain:
            trusted_source(study, address, options)
        spec = apply_options(read_spec(study), options)
        report = export_adapter(study, spec, address, request)
    show(report, print_adapter, as_json=options.json)
    return 0


def _input_faults(options: argparse.Namespace) -> list[str]:
    """Faults of inputs and permissions that are given without ``--retrain``."""
    if options.retrain:
        return []
    rule, way_out = "be given with --retrain", "What was kept is not trained again"
    return [
        fault(f"--{name.replace('_', '-')}", rule, value, way_out=way_out)
        for name in ("data", "base", *TRUSTING)
        if (value := getattr(options, name)) not in (None, False)
    ]
