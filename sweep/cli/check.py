"""The verb ``check``: resolve what a study names; train nothing."""

from __future__ import annotations

from sweep.cli.options import StudyFile
from sweep.cli.study_file import apply_options, load_spec
from sweep.study.loading import load_objective
from sweep.study.spec import StudySpec


def check(options: StudyFile) -> int:
    """Resolve data, base and target sets; train nothing."""
    from sweep.cli.streams import show
    from sweep.terminal.check import print_check

    spec = apply_options(load_spec(options.study), options)
    objective = load_objective(spec.objective, spec.settings, spec.inputs)
    baselines = [dict(baseline.values) for baseline in spec.baselines]
    report = {
        "study": spec.name,
        "spec_digest": spec.digest(),
        "configurations": spec.space.size(),
        **({} if spec.design is None else {"design": _size(spec)}),
        **objective.check(spec.space, baselines),
    }
    show(report, print_check, as_json=options.json)
    return 0


def _size(spec: StudySpec) -> dict[str, int]:
    from sweep.analysis.experiment_design.balanced import design_points

    points = design_points(spec.space, spec.design)
    configurations = len({point.index for point in points})
    return {"configurations": configurations, "trials": len(points)}
