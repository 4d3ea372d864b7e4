"""The verb ``adapters``: export trained adapters from a study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sweep.cli.options import TRUSTING, Inputs, StoredStudy, Trust, flag, option, trusted_source
from sweep.cli.parsing import verbs
from sweep.errors import UsageError, fault


@dataclass(kw_only=True)
class ExportOptions(StoredStudy, Inputs, Trust):
    """The options of ``adapters export``."""

    trial: str = option("best, or the number of a trial", "WHICH", default=...)
    out: str = option("a new or empty folder", "DIR", default=...)
    retrain: bool = flag("train the trial again, where its adapter was not kept")
    license: str = option(
        "of the adapter, as the Hugging Face Hub writes it", "ID", default="unknown"
    )


def export(options: ExportOptions) -> int:
    """Write a folder that PEFT loads, with a model card of what was measured."""
    from sweep.cli.adapter_export.export import Request, export_adapter
    from sweep.cli.streams import show
    from sweep.cli.study_file import apply_options
    from sweep.storage.studies import load_study, quiet_optuna, read_spec
    from sweep.storage.url import StorageUrl
    from sweep.terminal.changes import print_adapter

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


def _input_faults(options: ExportOptions) -> list[str]:
    if options.retrain:
        return []
    rule, way_out = "be given with --retrain", "What was kept is not trained again"
    return [
        fault(f"--{name.replace('_', '-')}", rule, value, way_out=way_out)
        for name in ("data", "base", *TRUSTING)
        if (value := getattr(options, name)) not in (None, False)
    ]


adapters = verbs(export, name="adapters", help="Take a trained adapter out of a study.")
