from __future__ import annotations

import enum
import json
import math
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch

from sweep import (
    Baseline,
    Budget,
    Choice,
    Claim,
    Design,
    Float,
    Int,
    Pruner,
    Sampler,
    Space,
    StudySpec,
    TargetSets,
)
from sweep.analysis.rows import Row
from sweep.analysis.table import TrialTable
from sweep.driver.listener import NullListener
from sweep.driver.run_study import run_study
from sweep.errors import SpecError
from sweep.storage.url import StorageUrl
from sweep.study.design import Pilot
from sweep.study.native import native, native_tree
from sweep.study.spec import Policy


class Schedule(enum.StrEnum):
    """Choices as members of an enum."""

    LINEAR = "linear"
    COSINE = "cosine"


class Mixed(str, enum.Enum):  # noqa: UP042 - the older way, which prints another text
    """The same, in the form of Python before 3.11."""

    LINEAR = "linear"


class Rank(enum.IntEnum):
    """Integers by name."""

    LOW = 2
    HIGH = 8


class Loud(float):
    """A float with another ``repr``."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Unlike a float's."""
        return f"Loud({float(self)})"


PLAIN = [
    (np.float64(0.1), 0.1),
    (np.float32(0.5), 0.5),
    (np.int64(3), 3),
    (np.uint8(3), 3),
    (np.bool_(True), True),
    (np.str_("a"), "a"),
    (np.array(3), 3),
    (np.array("a"), "a"),
    (torch.tensor(0.5), 0.5),
    (torch.tensor(True), True),
    (Schedule.COSINE, "cosine"),
    (Mixed.LINEAR, "linear"),
    (Rank.HIGH, 8),
    (Loud(0.5), 0.5),
    (True, True),
    (1, 1),
    (5e-324, 5e-324),
    (2**70, 2**70),
]

ODD: list[Any] = [
    Decimal("0.1"),
    Fraction(1, 2),
    np.longdouble(0.5),
    np.complex128(1),
    1j,
    np.datetime64("2026-01-01"),
    np.bytes_(b"a"),
    b"a",
    np.array([1]),
    np.ma.masked,
    torch.tensor([0.5]),
    enum.Enum("Bare", {"A": "a"}).A,
    None,
    (1, 2),
    10**400,
    -(10**5000),
    math.nan,
    math.inf,
]


@pytest.mark.parametrize(("given", "plain"), PLAIN, ids=repr)
def test_a_value_that_is_almost_plain_is_converted(given: Any, plain: Any) -> None:
    """It survives a round trip through JSON, as a choice too."""
    found = native(given)

    assert type(found) is type(plain)
    assert found == plain
    assert repr(json.loads(json.dumps(found))) == repr(plain)
    assert Choice(given, "other").faults("x") == []
    assert Choice(given).values == (plain,)
    assert type(Choice(given).values[0]) is type(plain)


@pytest.mark.parametrize("given", ODD, ids=lambda value: type(value).__name__)
def test_a_value_that_is_not_plain_is_refused_by_name(given: Any) -> None:
    """As a choice, as a bound and in a baseline; it is never converted to a similar value."""
    assert Choice(given, "other").faults("x")
    assert Float(given, 1.0).faults("x")
    assert Int(1, given).faults("x")
    with pytest.raises(SpecError, match="baseline 'b' must map names to"):
        study(baselines=(Baseline("b", {"x1": given}),))


def test_a_tree_that_contains_itself_is_refused() -> None:
    """Without infinite recursion."""
    loop: dict[str, Any] = {}
    loop["again"] = loop

    assert native_tree(loop) is loop
    with pytest.raises(SpecError, match=r"settings\.loop must be a JSON value"):
        study(settings={"loop": loop})


def study(**changes: Any) -> StudySpec:
    """A small valid study, with changes."""
    fields: dict[str, Any] = {
        "name": "toy",
        "objective": "objectives.synthetic:Synthetic",
        "space": Space({"x1": Choice(1.0, 2.0), "x2": Choice(1.5, 2.5)}),
        "budget": Budget(trials=4),
        **changes,
    }
    return StudySpec(**fields)


def records(as_written: Callable[[Any], Any]) -> StudySpec:
    """A study with a value in every place that takes one, each in a given type."""
    w = as_written
    return StudySpec(
        name=w("toy"),
        objective=w("objectives.synthetic:Synthetic"),
        space=Space(
            {
                w("x1"): Choice(w(1), w(2.5), w("a"), w(False)),
                w("x2"): Int(w(1), w(9), step=w(2)),
                w("x3"): Float(w(0.5), w(2), log=w(True)),
                w("targets"): TargetSets(w("qkv"), wide=w("all-linear")),
            }
        ),
        settings={w("a"): {w("b"): [w(1), w(2.5), w("c"), w(True)]}},
        sampler=Sampler(w("random"), w(7)),
        pruner=Pruner(w("median")),
        direction=w("minimize"),
        seeds=(w(3), w(4)),
        baselines=(Baseline(w("base"), MappingProxyType({w("x1"): w(1), w("x2"): w(0.5)})),),
        budget=Budget(w(5), w(2.5)),
        inputs={w("data"): w("here")},
        policy=Policy(w("retry(1)"), w(2), w("none")),
        design=Design(w(8), w(2), w(1), w(5)),
        claims=(
            Claim(
                w("x1"), (w("x2"), (w("x3"),)), (w("x2"),), w(0.5), w(2), (w("x3"),), name=w("said")
            ),
        ),
    )


NUMPY: dict[type, Callable[[Any], Any]] = {
    str: np.str_,
    int: np.int64,
    float: np.float64,
    bool: np.bool_,
}


def test_every_record_of_a_study_has_plain_values_and_its_digest() -> None:
    """NumPy values in every place give the same study, also through JSON and pickle."""
    plain = records(lambda value: value)
    numpy = records(lambda value: NUMPY[type(value)](value))

    assert repr(numpy) == repr(plain)  # distinguishes np.float64(1.0) from 1.0
    assert numpy.digest() == plain.digest()
    assert repr(StudySpec.from_json(json.loads(json.dumps(numpy.to_json())))) == repr(plain)
    assert pickle.loads(pickle.dumps(numpy)) == plain  # noqa: S301 - our own bytes
    pilot = Pilot(np.str_("x1"), np.str_("x2"), *(np.int64(n) for n in (1, 2, 2, 0)))
    assert repr(pilot) == repr(Pilot("x1", "x2", 1, 2, 2, 0))


def test_the_digest_of_plain_values_is_unchanged() -> None:
    """Of a study made by a version without this conversion."""
    assert records(lambda value: value).digest() == "6800fed928751de5"


@pytest.mark.parametrize(
    "choices",
    [np.linspace(1, 2, 2), np.arange(1, 3), [np.float32(1), np.float32(2)], [Rank.LOW, Rank.HIGH]],
    ids=["float64", "int64", "float32", "enum"],
)
def test_a_space_of_numpy_choices_is_run_exactly_once(choices: Any, tmp_path: Any) -> None:
    """Each configuration and seed once, over several resumes."""
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")
    spec = study(space=Space({"x1": Choice(*choices), "x2": Choice(0.5, 1.5)}), seeds=(0, 1))
    for trials in (3, 8, 20):  # resumed in between, and asked for more than exist
        ran = run_study(spec.with_changes(trials=trials), address, NullListener())

    states = [trial.state.name for trial in ran.get_trials()]
    assert states == ["COMPLETE"] * 8
    assert len({repr(trial.params) + str(trial.user_attrs["seed"]) for trial in ran.trials}) == 8


def test_a_tables_cells_are_plain() -> None:
    """For any kind of rows."""
    space = Space({"x": Choice(1.0, 2.0)})
    row = Row(0, {"x": np.float64(1.0)}, np.float32(0.5))
    table = TrialTable.from_rows([row], space=space)

    assert repr(table.rows[0].values) == "{'x': 1.0}"
    assert type(table.rows[0].value) is float


def test_a_path_is_an_input(tmp_path: Path) -> None:
    """As text, which the database stores."""
    spec = study(inputs={"data": tmp_path, "base": "hub/name"})

    assert spec.inputs == {"data": str(tmp_path), "base": "hub/name"}
    assert StudySpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
