"""Exports that are refused, and written files that are verified."""

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import optuna
import pytest
from faults.disks import small_disk
from optuna.trial import create_trial
from tiers import first

from sweep.errors import StorageError, UsageError
from sweep.storage.url import StorageUrl
from sweep.transfer.export import FORMATS, Facts, export_study, study_facts, verify
from sweep.transfer.records import Table, record
from sweep.transfer.snapshot import take

SUFFIXES = sorted(FORMATS)


@pytest.mark.parametrize(
    "damage",
    [
        (".json", b'"rank\\": 8', b'"rank\\": 9', "trial 1: params"),
        (".json", b'"params.rank": 8', b'"params.rank": 8.0', "trial 1: params.rank"),
        (".json", b'"name": "odd"', b'"name": "old"', "the facts of the study"),
        (".csv", b"1,COMPLETE,0.1,", b"1,COMPLETE,0.2,", "trial 1: value"),
        (".csv", b"1,COMPLETE,0.1,", b"1,COMPLETE,", "cannot be read back"),
        (".csv", b"1,COMPLETE,0.1,", b"one,COMPLETE,0.1,", "cannot be read back"),
        (".parquet", b"NonFiniteValue", b"NonFiniteValuf", "trial 3: failure.kind"),
        (".parquet", b"PAR1", b"", "cannot be read back"),
    ],
)
def test_a_file_that_differs_from_its_study_is_refused(
    damage: tuple[str, bytes, bytes, str],
    address: StorageUrl,
    foreign: optuna.Study,
    tmp_path: Path,
) -> None:
    """After one changed byte."""
    suffix, before, after, expected = damage
    out = tmp_path / f"table{suffix}"
    export_study(address, None, out)
    table = Table.of([record(trial) for trial in foreign.trials])
    facts = study_facts(take(address, None), address)
    verify(out, suffix, table, facts)
    assert before in out.read_bytes()
    out.write_bytes(out.read_bytes().replace(before, after, 1))

    with pytest.raises(StorageError, match=rf"must hold every trial as the study does.*{expected}"):
        verify(out, suffix, table, facts)


def test_a_file_with_a_missing_trial_is_refused(
    address: StorageUrl, foreign: optuna.Study, tmp_path: Path
) -> None:
    """Although all its rows are right."""
    out = tmp_path / "table.csv"
    export_study(address, None, out)
    table = Table.of([record(trial) for trial in [*foreign.trials, foreign.trials[0]]])

    with pytest.raises(StorageError, match="5 trials for 6"):
        verify(out, ".csv", table, {})


@pytest.mark.parametrize("name", ["table.xlsx", "table", "table.json.gz"])
def test_an_unknown_suffix_lists_the_known_ones(
    name: str, address: StorageUrl, foreign: optuna.Study, tmp_path: Path
) -> None:
    """Before anything is read."""
    del foreign
    with pytest.raises(
        UsageError, match=r"--out must end in \.parquet, \.csv, \.json, got .*table"
    ):
        export_study(address, None, tmp_path / name)


def test_a_study_is_not_overwritten_by_its_own_export(tmp_path: Path) -> None:
    """A journal may be named study.json, or be reached by a link."""
    path = tmp_path / "study.json"
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    optuna.create_study(storage=optuna.storages.JournalStorage(backend))
    before = path.read_bytes()
    link = tmp_path / "link.json"
    link.symlink_to(path)
    for out in (path, link):
        with pytest.raises(UsageError, match="--out must be another file than the study's own"):
            export_study(StorageUrl.parse(f"journal:///{path}"), None, out)

    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", first(1, SUFFIXES))
def test_a_full_disk_leaves_only_the_old_file(
    suffix: str, address: StorageUrl, foreign: optuna.Study, tmp_path: Path
) -> None:
    """A partial file could be taken for a complete one."""
    noise = "".join(chr(33 + (i * i * 7919 + i) % 90) for i in range(3_000_000))
    foreign.set_user_attr("noise", noise)
    foreign.add_trial(create_trial(value=1.0, user_attrs={"noise": noise}))
    with small_disk(tmp_path, 1) as disk:
        out = disk / f"table{suffix}"
        out.write_text("the old table")
        with pytest.raises(StorageError, match=r"--out must be on a disk with room, got .*table"):
            export_study(address, None, out)

        assert out.read_text() == "the old table"
        assert [path.name for path in disk.iterdir()] == [out.name]


def test_a_missing_folder_is_one_clear_error(
    address: StorageUrl, foreign: optuna.Study, tmp_path: Path
) -> None:
    """A mistyped path is not created."""
    del foreign
    with pytest.raises(
        StorageError, match=r"--out must be a file that can be written.*No such file"
    ):
        export_study(address, None, tmp_path / "typo" / "table.csv")


def test_an_export_that_loses_a_trial_replaces_nothing(
    address: StorageUrl, foreign: optuna.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is verified before the file gets its name."""
    good = FORMATS[".csv"]

    def forgetful(table: Table, facts: Facts, file: BinaryIO) -> None:
        good.write(replace(table, rows=table.rows[1:]), facts, file)

    monkeypatch.setitem(FORMATS, ".csv", replace(good, write=forgetful))
    out = tmp_path / "table.csv"
    out.write_text("the old table")
    with pytest.raises(StorageError, match=f"{len(foreign.trials) - 1} trials for 5"):
        export_study(address, None, out)

    assert out.read_text() == "the old table"
    assert not list(tmp_path.glob("*.tmp"))
