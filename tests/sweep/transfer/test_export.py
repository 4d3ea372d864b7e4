"""Exports of studies as Parquet, CSV and JSON files."""

import csv
import json
import math
from pathlib import Path

import optuna
import pyarrow.parquet as pq
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from sweep.storage.url import StorageUrl
from sweep.transfer.export import FORMATS, export_study
from sweep.transfer.records import whole

SUFFIXES = sorted(FORMATS)


def rows_of(path: Path) -> list[dict[str, object]]:
    """The rows of a file, read without lorasweep."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".json":
        return json.loads(path.read_text(), parse_constant=pytest.fail)["trials"]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_trial_is_exported_completely(
    suffix: str, address: StorageUrl, foreign: optuna.Study, tmp_path: Path
) -> None:
    """Unusual texts, NaN, infinity, huge numbers, every state."""
    out = tmp_path / f"table{suffix}"
    report = export_study(address, None, out)
    rows = rows_of(out)

    assert (report["trials"], report["verified"], report["out"]) == (5, True, str(out))
    for row, trial in zip(rows, foreign.trials, strict=True):
        wanted = whole(trial)
        if suffix == ".csv":
            wanted = {key: "" if cell is None else str(cell) for key, cell in wanted.items()}
        assert {name: row[name] for name in wanted} == wanted
    targets = [row["params.targets"] or None for row in rows]
    assert targets == [trial.params.get("targets") for trial in foreign.trials]


def test_parquet_has_typed_columns_and_the_study_in_its_metadata(
    address: StorageUrl, foreign: optuna.Study, tmp_path: Path
) -> None:
    """Typed columns, and the study in the schema's metadata."""
    out = tmp_path / "table.parquet"
    export_study(address, "odd", out)
    table = pq.read_table(out)
    facts = json.loads(table.schema.metadata[b"lorasweep"])

    assert str(table.schema.field("value").type) == "double"
    assert str(table.schema.field("params.rank").type) == "int64"
    assert table["value"].to_pylist() == [None, 0.1, math.inf, None, None]
    assert math.isnan(table["metrics.nan"].to_pylist()[1])
    assert facts["name"] == foreign.study_name
    assert facts["direction"] == "maximize"
    assert facts["user_attrs"] == foreign.user_attrs
    assert facts["system_attrs"] == {"qmc:sample_id": 7}


def test_json_has_null_for_non_finite_numbers(
    address: StorageUrl, foreign: optuna.Study, tmp_path: Path
) -> None:
    """The state stays, and the text columns have the original."""
    foreign.set_user_attr("worst", float("-inf"))
    out = tmp_path / "table.json"
    export_study(address, None, out)
    document = json.loads(out.read_text(), parse_constant=pytest.fail)
    pruned = document["trials"][2]

    assert (pruned["value"], pruned["state"], pruned["values"]) == (None, "PRUNED", "[Infinity]")
    assert document["study"]["user_attrs"]["worst"] is None
    assert document["study"]["storage"] == address.shown


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_negative_zero_and_long_texts_survive(suffix: str, tmp_path: Path) -> None:
    """A curve exceeds the default field limit of Python's csv module."""
    address = StorageUrl.parse(f"journal:///{tmp_path}/zero.log")
    backend = optuna.storages.journal.JournalFileBackend(str(address.path))
    study = optuna.create_study(storage=optuna.storages.JournalStorage(backend))
    study.add_trial(create_trial(value=-0.0, user_attrs={"curve": ["x" * 99] * 4000}))
    out = tmp_path / f"table{suffix}"
    limit = csv.field_size_limit(10**9)
    export_study(address, None, out)
    (row,) = rows_of(out)
    csv.field_size_limit(limit)

    assert str(row["value"]) == "-0.0"
    assert len(json.loads(str(row["user_attrs"]))["curve"]) == 4000


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_study_without_trials_is_an_empty_table(
    suffix: str, url: str, address: StorageUrl, tmp_path: Path
) -> None:
    """With the columns that every table has."""
    optuna.create_study(storage=url)
    out = tmp_path / f"empty{suffix}"
    assert export_study(address, None, out)["trials"] == 0

    assert rows_of(out) == []
    if suffix == ".csv":
        assert out.read_text().startswith("number,state,value,")
    if suffix == ".parquet":
        assert str(pq.read_schema(out).field("value").type) == "double"


def test_a_new_export_replaces_the_old_one(
    address: StorageUrl, foreign: optuna.Study, tmp_path: Path
) -> None:
    """Also behind a link, which stays a link."""
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    link.symlink_to(real)
    export_study(address, None, link)

    assert link.is_symlink()
    assert len(rows_of(real)) == len(foreign.trials)
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-x", "'-x"),
        ("\t=1", "'\t=1"),
        ("-5", "-5"),
        ("a=1", "a=1"),
        ("'=1", "'=1"),
    ],
)
def test_a_text_in_a_csv_file_is_no_formula(
    address: StorageUrl, tmp_path: Path, text: str, cell: str
) -> None:
    """It gets a leading quote, as in spreadsheets; numbers stay numbers."""
    study = optuna.create_study(storage=address.url)
    for choice, value in ((text, -0.5), (-7, -1.5)):
        ranges = {"c": CategoricalDistribution((text, -7)), "x": FloatDistribution(-9, 9)}
        params = {"c": choice, "x": value}
        study.add_trial(create_trial(value=value, params=params, distributions=ranges))
        attributes = {"failure": {"reason": "exception", "kind": "X", "message": text}}
        study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=attributes))
    out = tmp_path / "table.csv"
    export_study(address, None, out)
    rows = rows_of(out)

    assert [row["failure.message"] for row in rows] == ["", cell, "", cell]
    assert [row["params.x"] for row in rows] == ["-0.5", "", "-1.5", ""]
    assert [row["value"] for row in rows] == ["-0.5", "", "-1.5", ""]
    assert [json.loads(row["params"])["c"] for row in rows if row["value"]] == [text, -7]
    assert rows[2]["params.c"] == "-7"  # a number among texts is still a number
