"""The verb ``design``: what a study's design can show, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sweep.cli.options import StudyFileStored, flag, option, storage_of
from sweep.cli.study_file import apply_options, load_spec
from sweep.errors import SpecError, UsageError, fault
from sweep.study.design import Design
from sweep.study.parameters import Float, Int
from sweep.study.spec import StudySpec

if TYPE_CHECKING:
    from sweep.storage.url import StorageUrl


@dataclass(kw_only=True)
class DesignOptions(StudyFileStored):
    """The options of ``design``."""

    budget: int | None = option("trials to spend in all, in place of the study's design", "N")
    configurations: int | None = option("distinct configurations, in place of the study's", "N")
    duplicates: int | None = option("how many of them run with a second seed", "N")
    noise: float | None = option("sd of one run over seeds, in place of the pilot's", "SD")
    delta: float | None = option(
        "the smallest effect worth having, in place of the claims'", "SIZE"
    )
    points: bool = flag("list every run, in order")


def design(options: DesignOptions) -> int:
    """Show what a measurement tells, and costs; run nothing."""
    from sweep.analysis.experiment_design.balanced import design_points
    from sweep.analysis.experiment_design.report import design_report
    from sweep.cli.streams import show
    from sweep.storage.studies import quiet_optuna
    from sweep.terminal.design import print_design

    spec = _designed(apply_options(load_spec(options.study), options), options)
    address = storage_of(spec, options)
    with quiet_optuna():
        found = _piloted(spec, address)
    points = design_points(spec.space, spec.design)
    piloted = dict.fromkeys(("study", "seconds_per_trial", "sizes")) if found is None else found
    seconds, sizes = piloted["seconds_per_trial"], piloted["sizes"]
    report = {
        "study": spec.name,
        "storage": address.shown,
        "pilot": piloted["study"],
        **design_report(spec, points, noise=_noise(options, found), seconds=seconds, sizes=sizes),
    }
    report["notes"] += _beyond(spec, found)
    if options.points:
        report["points"] = [point.to_json() for point in points]
    show({**report, "labels": spec.space.labels()}, print_design, as_json=options.json)
    return 0


def _designed(spec: StudySpec, options: DesignOptions) -> StudySpec:
    for name in ("noise", "delta"):
        value = getattr(options, name)
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(fault(f"--{name}", "be a finite number above 0", value))
    changes = {} if options.budget is None else _within(options.budget)
    for name in ("configurations", "duplicates"):
        if getattr(options, name) is not None:
            changes[name] = getattr(options, name)
    made = spec.design if isinstance(spec.design, Design) else None
    if made is None and "configurations" not in changes:
        way_out = "Write design=Design(...), or say how large (--configurations)"
        raise SpecError(fault("design", "be there", spec.design, way_out=way_out))
    claims = spec.claims
    if options.delta is not None:
        claims = tuple(replace(claim, delta=options.delta) for claim in claims)
    return replace(spec, design=replace(made or Design(), **changes), claims=claims)


def _within(trials: int) -> dict[str, int]:
    """A design of a given number of trials, with the default's proportion of duplicates."""
    if trials < 2:
        raise UsageError(fault("--budget", "be 2 trials or more", trials))
    usual = Design()
    duplicates = round(trials * usual.duplicates / usual.trials)
    return {"configurations": trials - duplicates, "duplicates": duplicates}


def _beyond(spec: StudySpec, found: Mapping[str, Any] | None) -> list[str]:
    """A note if the design's range goes beyond the range that the pilot recommends."""
    nuisance = None if found is None else found["nuisance"]
    if nuisance is None or nuisance["range"] is None:
        return []
    param, good = spec.space[nuisance["name"]], nuisance["range"]
    if not isinstance(param, (Float, Int)):
        return []
    if good["low"] * 0.999 <= param.low and param.high <= good["high"] * 1.001:
        return []
    ends = f"{param.low:.3g} to {param.high:.3g}", f"{good['low']:.3g} to {good['high']:.3g}"
    return [f"{nuisance['name']} is measured from {ends[0]}; the pilot recommends {ends[1]}"]


def _noise(options: DesignOptions, found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if options.noise is not None:
        return {"sd": options.noise, "source": "--noise"}
    if found is None or found["noise"] is None:
        return None
    return {**found["noise"], "source": f"study {found['study']}"}


def _piloted(spec: StudySpec, address: StorageUrl) -> dict[str, Any] | None:
    """The report of the study's pilot, if the database holds one with trials."""
    from sweep.analysis.experiment_design.pilot import pilot_of
    from sweep.cli.pilot import pilot_summary
    from sweep.storage.studies import find_study

    name = pilot_of(spec).name
    if find_study(address, name) is None:
        return None
    report = pilot_summary(address, name)
    return report if report["runs"] else None
