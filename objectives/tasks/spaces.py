"""Validate a search space for this objective, and resolve its target-module sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from transformers import PreTrainedModel

from objectives.lora.adapter_config import AdapterConfig, trainable_parameters
from objectives.lora.base.load import head_modules
from objectives.lora.settings import SAMPLED, BindingSettings, value_fault
from objectives.lora.target_modules import resolve_all
from sweep.errors import SpecError
from sweep.study.parameters import Choice, Float, Int, TargetSets
from sweep.study.space import Space
from sweep.study.targets import canonical
from sweep.study.trial import Scalar

_RANKS_SHOWN = 32


def check_space(
    settings: BindingSettings,
    space: Space,
    baselines: Sequence[Mapping[str, Any]],
    skeleton: PreTrainedModel,
) -> list[dict[str, Any]]:
    """Resolve every target set that a trial of the study can have.

    Args:
        settings: values of the parameters that are not sampled.
        space: the search space.
        baselines: configurations outside the space.
        skeleton: the token classifier; its weights may be on the meta device.

    Returns:
        For each set: ``label``, ``targets``, ``modules``, ``count``, ``kinds`` and
        ``trainable_parameters`` by rank, head included.

    Raises:
        SpecError: with the errors of all parameters, baselines and sets at once.
    """
    faults = [*_space_faults(settings, space)]
    for values in baselines:
        faults.extend(_trial_faults(settings, values))
    head = head_modules(skeleton)
    labels = _target_labels(settings, space, baselines)
    try:
        resolved = resolve_all(skeleton, labels, head)
    except SpecError as error:
        faults.extend(error.faults)
    if faults:
        raise SpecError(list(dict.fromkeys(faults)))
    ranks = _ranks(settings, space)
    return [
        {
            "label": labels[targets],
            "targets": targets,
            "modules": list(found.modules),
            "count": len(found.modules),
            "kinds": dict(found.kinds),
            "trainable_parameters": {
                str(rank): trainable_parameters(
                    skeleton, AdapterConfig(rank, 1.0, targets, found.modules if rank else ()), head
                )
                for rank in ranks
            },
        }
        for targets, found in resolved.items()
    ]


def _space_faults(settings: BindingSettings, space: Space) -> list[str]:
    """Errors of the space: parameters that are no settings, and invalid bounds or choices."""
    corners: dict[str, Scalar] = {name: _edges(space[name])[0] for name in space}
    found = _trial_faults(settings, corners)
    for name in space:
        if name in SAMPLED:
            found.extend(value_fault("space", name, value) for value in _edges(space[name]))
    return [text for text in dict.fromkeys(found) if text]


def may_shift(
    settings: BindingSettings, space: Space, baselines: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether some trial may train with ``label_shift``, labels on the preceding tokens."""
    name = "label_shift"
    values = _edges(space[name]) if name in space.params else (settings.label_shift,)
    return any((*values, *(baseline.get(name) for baseline in baselines)))


def largest(
    settings: BindingSettings, space: Space, baselines: Sequence[Mapping[str, Any]]
) -> BindingSettings:
    """The settings with those values of space and baselines that take the most memory.

    All but ``targets``: see ``check_space`` for the target sets.

    Args:
        settings: values of the parameters that are not sampled.
        space: the search space, which is valid.
        baselines: configurations outside the space.
    """
    chosen: dict[str, Scalar] = {}
    for name in ("rank", "dropout", "batch_tokens", "quantization"):
        fixed = () if name in space.params else (getattr(settings, name),)
        sampled = _edges(space[name]) if name in space.params else ()
        values = [*fixed, *sampled, *(each[name] for each in baselines if name in each)]
        chosen[name] = max(values)  # of the two quantisations, 'none' is last
    return settings.for_trial(chosen)


def _trial_faults(settings: BindingSettings, values: Mapping[str, Scalar]) -> list[str]:
    try:
        settings.for_trial(values)
    except SpecError as error:
        return list(error.faults)
    return []


def _edges(param: object) -> tuple[Scalar, ...]:
    """The values to validate: both bounds of a range, or all choices."""
    if isinstance(param, Int):
        return param.low, param.high
    if isinstance(param, Float):  # as floats, since it samples fractions between integer bounds too
        return float(param.low), float(param.high)
    if isinstance(param, (Choice, TargetSets)):
        return tuple(param.values)
    return ()


def _target_labels(
    settings: BindingSettings, space: Space, baselines: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Target set in canonical form to its label."""
    labels: dict[str, str] = {}
    for targets, label in _labelled(settings, space, baselines):
        labels.setdefault(targets, label)  # labels of the space take precedence over baselines'
    return labels


def _labelled(
    settings: BindingSettings, space: Space, baselines: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    param = space["targets"] if "targets" in space.params else None
    fixed = () if param else (settings.targets,)
    for text in (*fixed, *(_edges(param) if param else ())):
        if isinstance(text, str) and not value_fault("space", "targets", text):
            label = param.label(text) if isinstance(param, TargetSets) else text
            yield canonical(text), label
    for values in baselines:
        text = values.get("targets")
        if isinstance(text, str) and not value_fault("baseline", "targets", text):
            yield canonical(text), text


def _ranks(settings: BindingSettings, space: Space) -> list[int]:
    """The ranks for which parameters are counted: all, or the bounds of a long range."""
    if "rank" not in space.params:
        return [settings.rank]
    param = space["rank"]
    grid = param.grid()
    few = grid if grid is not None and len(grid) <= _RANKS_SHOWN else _edges(param)
    return sorted({int(value) for value in few})
