"""The rules of a spec's design and claims, each with the sentence said when it is broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sweep.claim import COUPLED, Claim, Part, as_group
from sweep.errors import fault
from sweep.phases import Design, Pilot

if TYPE_CHECKING:
    from sweep.spec import StudySpec


def type_faults(spec: StudySpec) -> Iterator[str]:
    """What is no design, or no claims, altogether."""
    if spec.design is not None and not isinstance(spec.design, (Design, Pilot)):
        way_out = "Write design=Design(...)"
        yield fault("design", "be a Design, or None", spec.design, way_out=way_out)
    claims = spec.claims
    if not isinstance(claims, tuple) or not all(isinstance(each, Claim) for each in claims):
        way_out = "Write claims=(Claim(...),)"
        yield fault("claims", "be a tuple of Claims", claims, way_out=way_out)


def design_faults(spec: StudySpec) -> Iterator[str]:
    """What no design can be, and what the space has not."""
    design = spec.design
    if design is None:
        return
    faults = list(design.faults())
    yield from faults
    if faults or spec.space.faults():
        return
    if spec.space.size() == 1:
        yield fault("design", "have a space with at least two configurations", list(spec.space))
    if isinstance(design, Pilot):
        for field in ("dominant", "nuisance"):
            name = getattr(design, field)
            if name and name not in spec.space.params:
                rule = f"be one of the space's {', '.join(spec.space)}"
                yield fault(f"design.{field}", rule, name)


def claim_faults(spec: StudySpec) -> Iterator[str]:
    """What a claim is about must vary; a nuisance may also be a setting that is fixed."""
    known = set(spec.space.params) if isinstance(spec.space.params, Mapping) else set()
    if "rank" in known and known & {"alpha", "scaling"}:
        known |= set(COUPLED)
    nuisances = known | set(spec.settings) | set(Claim().nuisances)
    for index, claim in enumerate(spec.claims):
        where = f"claims[{index}]"
        faults = claim.faults(where)
        yield from faults
        if faults:
            continue
        for field in ("dominant", "over", "negligible"):
            yield from _unknown(f"{where}.{field}", getattr(claim, field), known)
        what = "parameters of the space, or settings"
        yield from _unknown(f"{where}.nuisances", claim.nuisances, nuisances, what)


def _unknown(
    where: str,
    parts: Part | tuple[Part, ...],
    allowed: set[str],
    what: str = "parameters of the space",
) -> Iterator[str]:
    listed = (parts,) if isinstance(parts, str) else parts
    for name in (name for part in listed for name in as_group(part)):
        if name not in allowed:
            rule = f"name {what} ({', '.join(sorted(allowed))})"
            yield fault(where, rule, name)
