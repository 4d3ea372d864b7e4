"""Any JSON tree stored as a spec gives a valid spec or an error message."""

from __future__ import annotations

import json
from typing import Any

from bad_inputs.fuzzing import JSON, check_message, fuzz
from hypothesis import given
from hypothesis import strategies as st
from strategies import specs

from sweep import Space, StudySpec
from sweep.errors import SpecError

SPACES_TREE = st.dictionaries(
    st.text(max_size=4),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["int", "float", "choice", "target_sets", "?"])},
        optional=dict.fromkeys(("low", "high", "log", "step", "values", "sets"), JSON),
    ),
    max_size=3,
)
FIELDS = list(StudySpec.__dataclass_fields__)
TREES = st.one_of(
    JSON, st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=4)), JSON)
)


def read_back(tree: Any) -> None:
    """A spec that is read survives a round trip through JSON; otherwise the error has a message."""
    try:
        spec = StudySpec.from_json(tree)
    except SpecError as error:
        check_message(error)
        return
    again = StudySpec.from_json(json.loads(json.dumps(spec.to_json(), allow_nan=False)))
    assert again == spec
    assert again.digest() == spec.digest()
    assert spec.space.size() is None or spec.space.size() >= 1


@given(TREES)
@fuzz
def test_any_tree_is_a_spec_or_refused(tree: Any) -> None:
    """Trees of objects, lists and scalars."""
    read_back(tree)


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in a JSON tree."""
    branches: list[tuple[Any, Any]] = []
    if isinstance(tree, dict):
        branches = list(tree.items())
    elif isinstance(tree, list):
        branches = list(enumerate(tree))
    return [path, *(place for key, branch in branches for place in places(branch, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid tree with some parts removed, replaced or added."""
    tree = json.loads(json.dumps(draw(specs()).to_json()))
    for _ in range(draw(st.integers(1, 3))):
        *path, key = draw(st.sampled_from(places(tree)[1:]))
        holder = tree
        for step in path:
            holder = holder[step]
        match draw(st.sampled_from(["remove", "replace", "add"])):
            case "remove":
                del holder[key]
            case "replace":
                holder[key] = draw(JSON)
            case "add" if isinstance(holder, dict):
                holder[draw(st.text(max_size=4))] = draw(JSON)
            case _:
                holder.append(draw(JSON))
        if not isinstance(tree, dict) or len(places(tree)) < 2:
            break
    return tree


@given(mutated())
@fuzz
def test_a_damaged_spec_is_a_spec_or_refused(tree: Any) -> None:
    """A spec edited by hand or written by another version."""
    read_back(tree)


@given(st.one_of(SPACES_TREE, JSON))
@fuzz
def test_any_tree_is_a_space_or_refused(tree: Any) -> None:
    """A parsed space can list its faults; without faults it has a size."""
    try:
        space = Space.from_json(tree)
    except SpecError as error:
        check_message(error)
        return
    faults = space.faults()
    if faults:
        check_message(SpecError(faults))
    else:
        assert Space.from_json(space.to_json()) == space
        space.size()
        space.labels()
