# ruff: noqa: PD011 - rows are no data frames
"""Tables from plain arrays and data frames."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.analysis.table import Dropped, Row, TrialTable
from sweep.errors import SpecError
from sweep.study.parameters import Choice, Float, Int, TargetSets
from sweep.study.space import Space


def test_arrays_become_rows_of_python_scalars() -> None:
    """Choices must be plain Python values, which JSON accepts."""
    table = TrialTable.from_arrays(
        {"rank": np.array([2, 4]), "targets": np.array(["mlp", "qkv"]), "bias": [True, False]},
        np.array([0.1, 0.2], dtype=np.float32),
        seeds=np.array([7, 8]),
        sizes=np.array([10, 20]),
        phases=["measure", "search"],
        collapsed=np.array([False, True]),
        sampling="random",
        fixed={"epochs": 3},
    )

    first, second = table.rows
    assert first.values == {"rank": 2, "targets": "mlp", "bias": True}
    assert {type(value) for value in first.values.values()} == {int, str, bool}
    assert (first.number, first.seed, first.size, first.phase) == (0, 7, 10, "measure")
    assert (second.number, second.collapsed) == (1, True)
    assert (table.sampling, table.fixed, table.direction) == ("random", {"epochs": 3}, "maximize")


def test_a_table_of_arrays_counts_as_designed_by_default() -> None:
    """The caller chose its rows; a table from a study must declare its design."""
    table = TrialTable.from_arrays({"x": [1]}, [0.5])

    assert table.sampling == "designed"
    assert (table.rows[0].seed, table.rows[0].size, table.rows[0].phase) == (0, None, "")
    assert TrialTable.from_rows(table.rows, space=table.space).sampling == "unknown"


@pytest.mark.parametrize(
    ("column", "param"),
    [
        (["b", "a", "b"], Choice("a", "b")),
        ([True, False, True], Choice(False, True)),
        ([4, 1, 2], Choice(1, 2, 4)),
        ([0.5, 1, 2], Choice(0.5, 1.0, 2.0)),
        (list(range(1, 13)), Choice(*range(1, 13))),
        (list(range(1, 14)), Float(1.0, 13.0)),
        (np.linspace(1.0, 9.9, 20), Float(1.0, 9.9)),
        (np.linspace(-1.0, 99.0, 20), Float(-1.0, 99.0)),
        (np.geomspace(1e-4, 1e-2, 20), Float(1e-4, 1e-2, log=True)),
    ],
)
def test_the_space_is_inferred_by_rule(column: list[object], param: object) -> None:
    """Strings are unordered, few numbers ordered, many a range; log if they are log-spaced."""
    table = TrialTable.from_arrays({"x": column}, range(len(column)))

    assert table.space.params == {"x": param}
    assert len(table) == len(column)


def test_a_given_space_is_kept_without_canonical_spelling() -> None:
    """A set in another spelling is outside, visibly; 8.0 equals 8."""
    space = Space({"targets": TargetSets("qkv"), "rank": Choice(8, 16), "steps": Int(1, 9)})

    table = TrialTable.from_arrays(
        {
            "steps": [1.0, 2.0, 2.5],
            "rank": [8.0, 16.0, 8.0],
            "targets": ["key+query+value", "qkv", "key+query+value"],
        },
        [0.1, 0.2, 0.3],
        space=space,
    )

    assert table.space is space
    [row] = table.rows
    assert row.values == {"targets": "key+query+value", "rank": 8, "steps": 1}
    assert type(row.values["rank"]) is int
    assert [dropped.reason for dropped in table.dropped] == [
        "targets='qkv' lies outside the search space",
        "steps=2.5 lies outside the search space",
    ]


def test_rows_without_a_value_or_a_parameter_are_dropped_with_reasons() -> None:
    """As from a study; missing cells are None or NaN."""
    table = TrialTable.from_arrays(
        {"x": [1.0, np.nan, 2.0, 3.0], "name": ["a", "b", None, "a"]},
        [0.1, 0.2, 0.3, np.inf],
    )

    assert [row.number for row in table.rows] == [0]
    assert table.dropped == (
        Dropped(1, "it has no x"),
        Dropped(2, "it has no name"),
        Dropped(3, "its value is inf", no_value=True),
    )
    assert table.counts == {"COMPLETE": 4}


def test_equal_configurations_and_seeds_stay_two_rows() -> None:
    """A table cannot know whether one is a copy of the other."""
    table = TrialTable.from_arrays({"x": [1, 1, 2]}, [0.1, 0.1, 0.3], seeds=[5, 5, 5])

    assert len(table) == 3
    assert table.configurations.tolist() == [0, 0, 1]


def test_every_fault_of_the_arrays_is_reported_at_once() -> None:
    """One message each, so that all can be corrected together."""
    with pytest.raises(SpecError) as caught:
        TrialTable.from_arrays(
            {"short": [1], "odd": [object(), 1], "mixed": ["a", 1], "empty": [None, math.nan]},
            ["high", 0.2],
            direction="up",  # type: ignore[arg-type]
            sampling="guess",  # type: ignore[arg-type]
            seeds=[0.5, 1],
            sizes=["big", 1],
            phases=[1, 2],
            collapsed=[0, 1],
        )

    faults = [fault.split(", got")[0] for fault in caught.value.faults]
    assert faults == [
        "direction must be one of ['maximize', 'minimize']",
        "sampling must be one of ['designed', 'random', 'adaptive', 'unknown']",
        "short must have one entry per value, 2",
        "odd must hold strings, numbers or booleans",
        "empty must hold at least one value",
        "sizes must hold numbers",
        "seeds must hold whole numbers",
        "phases must hold strings",
        "collapsed must hold True or False",
        "values must hold numbers",
        "mixed must hold values of one kind",
    ]


def test_columns_and_a_given_space_must_agree() -> None:
    """A column without parameter, a parameter without column, or a fault of the space."""
    with pytest.raises(SpecError) as caught:
        TrialTable.from_arrays({"y": [1]}, [0.1], space=Space({"x": Float(2.0, 1.0)}))

    text = str(caught.value)
    assert "space.x must have low <= high, got (2.0, 1.0)" in text
    assert "columns must hold x, which the space has, got ['y']" in text
    assert "columns must be of the space: x, got 'y'" in text


def test_an_empty_table_is_a_fault() -> None:
    """A table without a parameter cannot be analysed."""
    with pytest.raises(SpecError, match="columns must hold at least one parameter"):
        TrialTable.from_arrays({}, [0.1])


def test_a_frame_is_read_by_its_column_names() -> None:
    """Index and attrs are ignored; seed, size, collapsed and phase are used if present."""
    frame = pd.DataFrame(
        {
            "rank": [2, 4],
            "mcc": [0.1, 0.2],
            "seed": [1.0, 2.0],  # as pandas stores integers beside a missing value
            "size": [10.0, None],
            "collapsed": [False, True],
            "phase": pd.Categorical(["measure", "pilot"]),
        },
        index=[9, 3],
    )
    frame.attrs["direction"] = "minimize"

    table = TrialTable.from_frame(frame, "mcc", fixed={"epochs": 1})

    assert list(table.space) == ["rank"]
    assert [(row.number, row.seed, row.size) for row in table.rows] == [(0, 1, 10.0), (1, 2, None)]
    assert [row.phase for row in table.rows] == ["measure", "pilot"]
    assert [row.collapsed for row in table.rows] == [False, True]
    assert (table.direction, table.fixed) == ("maximize", {"epochs": 1})


def test_a_frame_may_have_other_names_and_more_columns() -> None:
    """With a space, other columns are ignored; pandas' NA is a missing cell."""
    frame = pd.DataFrame({"rank": [2, 4, None], "value": [1.0, 2.0, 3.0], "run": [0, 1, 2]})
    frame["rank"] = frame["rank"].astype("Int64")
    space = Space({"rank": Choice(2, 4)})

    table = TrialTable.from_frame(frame, space=space, seed="run", direction="minimize")

    assert [row.seed for row in table.rows] == [0, 1]
    assert [row.values for row in table.rows] == [{"rank": 2}, {"rank": 4}]
    assert table.dropped == (Dropped(2, "it has no rank"),)
    assert table.y.tolist() == [-1.0, -2.0]


def test_a_frame_without_the_objective_is_refused() -> None:
    """The message lists its columns, and the argument to name another."""
    with pytest.raises(SpecError, match=r"'value', got \['mcc'\]\. Name the objective's column"):
        TrialTable.from_frame(pd.DataFrame({"mcc": [0.1]}))


def test_a_table_can_be_filtered() -> None:
    """To one phase, for example; space and all else stay."""
    table = TrialTable.from_arrays(
        {"x": [1, 2, 3]}, [0.1, 0.2, 0.3], phases=["measure", "search", "measure"]
    )

    kept = table.only(lambda row: row.phase == "measure")

    assert [row.number for row in kept.rows] == [0, 2]
    assert (kept.space, kept.sampling) == (table.space, table.sampling)


@given(
    st.lists(st.one_of(st.integers(-(2**40), 2**40), st.floats(-1e9, 1e9)), min_size=1, max_size=30)
)
def test_any_numbers_are_within_the_inferred_space(column: list[float]) -> None:
    """No row is lost by the inference."""
    table = TrialTable.from_arrays({"x": column}, range(len(column)))

    assert len(table) == len(column)


def test_making_a_table_does_not_import_pandas() -> None:
    """The import takes a second, and only callers with frames need it."""
    code = (
        "import sys\n"
        "from sweep.analysis.table import TrialTable\n"
        "TrialTable.from_arrays({'x': [1, 2]}, [0.1, 0.2])\n"
        "sys.exit('pandas' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("log", [False, True])
def test_a_range_is_logarithmic_if_its_numbers_are_log_spaced(*, log: bool) -> None:
    """Uniform numbers from 0.001 to 1 span three decades and are not."""
    rng = np.random.default_rng(0)
    drawn = 10.0 ** rng.uniform(-3, 0, 60) if log else rng.uniform(0.001, 1.0, 60)

    table = TrialTable.from_arrays({"x": drawn}, np.zeros(60))

    param = table.space["x"]
    assert isinstance(param, Float)
    assert param.log is log


def test_rows_may_contain_numpy_numbers() -> None:
    """An 8 of an array equals the space's 8."""
    space = Space({"rank": Choice(4, 8)})

    table = TrialTable.from_rows([Row(0, {"rank": np.int64(8)}, 0.5)], space=space)

    assert table.dropped == ()
    assert table.rows[0].values == {"rank": 8}
