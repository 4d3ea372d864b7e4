"""The verb ``extend``: add choices to a study that has trials, or widen its ranges."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.cli.options import Inputs, StoredStudy, TakeOver, Trust, option, trusted_source


@dataclass(kw_only=True)
class ExtendOptions(StoredStudy, Inputs, Trust, TakeOver):
    """The options of ``extend``."""

    add_target: list[str] = option(
        "a target set (wide=query+key+value; PARAM:LABEL=SET); may be repeated",
        "LABEL=SET",
        default=list,
    )
    add_choice: list[str] = option(
        "a value; JSON, or a bare word (rank=16); may be repeated", "PARAM=VALUE", default=list
    )
    widen: list[str] = option(
        "a range that holds the present one; may be repeated", "PARAM=LOW:HIGH", default=list
    )


def extend(options: ExtendOptions) -> int:
    """Add choices, or widen ranges; trials are kept."""
    from sweep.cli.run import say_how_to_go_on
    from sweep.cli.streams import show
    from sweep.cli.study_file import apply_options
    from sweep.extend.changes import Request
    from sweep.extend.extend import extend_study
    from sweep.storage.studies import load_study, quiet_optuna, read_spec
    from sweep.storage.trust import trust_again
    from sweep.storage.url import StorageUrl
    from sweep.terminal.changes import print_extension

    address = StorageUrl.parse(options.storage)
    request = Request(tuple(options.add_target), tuple(options.add_choice), tuple(options.widen))
    with quiet_optuna():
        study = load_study(address, options.name)
        source = trusted_source(study, address, options)
        spec = apply_options(read_spec(study), options)
        report = extend_study(spec, address, request, take_over=options.take_over)
        if source is not None:
            trust_again(address, spec.name)
        say_how_to_go_on(spec, address)
    show(report, print_extension, as_json=options.json)
    return 0
