"""Any command line and study file gives a spec or an error message.

See ``tests/sweep/test_fuzz.py``; the same variable sets the examples per test.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bad_inputs.fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from strategies import SPACES

from studies.demo import STUDY
from sweep import Space, StudySpec
from sweep.cli.main import parse
from sweep.cli.study_file import apply_options, load_spec
from sweep.errors import FaultsError
from sweep.extend.changes import Request, extended

WILD = st.text(st.one_of(st.characters(), st.sampled_from("ab01 :=,.[]{}\"'+-eE\n\0é")))
VALUES = st.one_of(
    WILD,
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["NaN", "-Infinity", "true", "null", "[" * 9000, "1" * 5000, '"', "1e999"]),
)
NAMES = st.one_of(st.sampled_from(["epochs", "rank", "a b", ""]), st.text(max_size=5))
SETTINGS = st.lists(
    st.one_of(WILD, st.builds("{}={}".format, NAMES, VALUES)), min_size=1, max_size=3
)


def outcome(act: Callable[[], Any]) -> Any:
    """The result, or None if it is refused with a message."""
    try:
        return act()
    except FaultsError as error:
        faults = error.faults
    assert faults
    for text in faults:
        assert re.search(r" must .+, got .+\.", text, re.DOTALL), text
    return None


@given(
    SETTINGS,
    st.none() | st.text(max_size=6),
    st.none() | VALUES.map(lambda text: f"dir/{text[:300]}"),
    st.sampled_from(["--on-failure", "--keep"]),
    VALUES,
)
@fuzz
def test_any_options_make_a_spec_or_are_refused(
    pairs: list[str], name: str | None, data: str | None, option: str, chosen: str
) -> None:
    """Each setting's value is its JSON value, or a string."""
    arguments = ["run", "studies.demo", f"{option}={chosen}", *(f"--set={pair}" for pair in pairs)]
    arguments += [f"--name={name}"] if name is not None else []
    arguments += [f"--data={data}"] if data is not None else []
    options = parse(arguments)
    spec = outcome(lambda: apply_options(STUDY, options))

    if spec is not None:
        assert StudySpec.from_json(spec.to_json()) == spec
        assert set(spec.settings) >= {pair.partition("=")[0] for pair in pairs}


def additions(space: Space) -> st.SearchStrategy[str]:
    """Texts for ``extend``, most of which name a parameter."""
    names = st.one_of(st.sampled_from(list(space)), NAMES)
    ends = st.one_of(st.integers(-2000, 2000).map(str), st.floats().map(str), WILD)
    values = st.one_of(VALUES, st.builds("{}:{}".format, ends, ends), st.sampled_from(["mlp", "8"]))
    return st.one_of(
        WILD,
        st.builds("{}={}".format, names, values),
        st.builds("{}:{}={}".format, names, NAMES, values),
    )


@st.composite
def requests(draw: st.DrawFn) -> tuple[Space, Request]:
    """A space, and a possible addition to it."""
    space = draw(SPACES)
    texts = st.lists(additions(space), max_size=2).map(tuple)
    return space, Request(draw(texts), draw(texts), draw(texts))


@given(requests())
@fuzz
def test_any_addition_extends_a_space_or_is_refused(case: tuple[Space, Request]) -> None:
    """An extended space is valid and contains the old one."""
    space, request = case
    result = outcome(lambda: extended(space, request))

    if result is not None:
        new, changes = result
        if outcome(lambda: StudySpec("s", "a.b:C", new)) is None:  # a label of many lines
            return
        assert Space.from_json(new.to_json()) == new
        assert list(new) == list(space)
        assert len(changes) == sum(1 for _ in request.additions())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose study file is overwritten for each example."""
    return tmp_path_factory.mktemp("studies")


LITERALS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)
# No example is code with side effects: every line begins with characters that are a syntax
# error, or is a single literal.
SOURCES = st.one_of(
    st.binary().map(lambda content: b"? " + content),
    st.text().map(lambda text: ("?" + text).encode("utf-8", "surrogatepass")),
    LITERALS.map(lambda value: f"STUDY = {value!r}\n".encode("utf-8", "surrogatepass")),
    LITERALS.map(lambda value: f"STUDY = StudySpec({value!r})\n".encode("utf-8", "surrogatepass")),
    LITERALS.map(
        lambda value: (
            f"from sweep import StudySpec\nSTUDY = StudySpec({value!r}, {value!r}, {value!r})\n"
        ).encode("utf-8", "surrogatepass")
    ),
    st.integers(1, 3000).map(lambda depth: b"STUDY = " + b"(" * depth),
)


@given(SOURCES)
@fuzz
def test_any_study_file_is_refused_with_a_message(folder: Path, source: bytes) -> None:
    """None of the texts is a study; each raises only ``SpecError``."""
    path = folder / "study.py"
    path.write_bytes(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of Python's compiler about literals
        assert outcome(lambda: load_spec(str(path))) is None


@given(st.one_of(WILD, st.lists(st.text(max_size=4)).map(".".join), WILD.map("{}.py".format)))
@fuzz
def test_any_study_name_is_refused_with_a_message(name: str) -> None:
    """Neither a module nor a file of that name exists."""
    before = list(sys.path)
    try:
        if (
            name.partition(".")[0] not in sys.stdlib_module_names
        ):  # an import could have side effects
            assert outcome(lambda: load_spec(f"no_such_{name}")) is None
    finally:
        sys.path[:] = before
