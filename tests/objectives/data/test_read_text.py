"""The text format of binding residues by ligand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.data.errors import RecordErrors
from objectives.data.formats.text import read_text

if TYPE_CHECKING:
    from pathlib import Path

    from objectives.data.chain import Chain

HEADER = "pdb_id;chain_id;binding_residues;sequence\n"


def read(path: Path, text: str) -> tuple[list[Chain], RecordErrors]:
    """Write a file and read it back."""
    path.write_text(text, encoding="utf-8")
    problems = RecordErrors()
    return read_text(path, path.name, problems), problems


@st.composite
def records(draw: st.DrawFn) -> tuple[str, str, str, list[int]]:
    """An entry, a chain letter, a sequence and the 0-based residues that bind."""
    sequence = draw(st.text("ACDEFGHIKLMNPQRSTVWYX", min_size=1, max_size=40))
    positions = draw(st.sets(st.integers(0, len(sequence) - 1), min_size=1))
    entry = draw(st.from_regex(r"[1-9][A-Z0-9]{3}", fullmatch=True))
    return entry, draw(st.sampled_from("ABCab1")), sequence, sorted(positions)


@given(st.lists(records(), min_size=1, max_size=5), st.booleans())
@settings(deadline=None, max_examples=examples(50))
def test_written_data_are_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    cases: list[tuple[str, str, str, list[int]]],
    header: bool,  # noqa: FBT001
) -> None:
    """Sequences and residues survive the text format, with and without its header."""
    lines = [
        f"{entry};{letter};{' '.join(f'{sequence[i]}{i + 1}' for i in at)};{sequence}\n"
        for entry, letter, sequence, at in cases
    ]
    path = tmp_path_factory.mktemp("text") / "ATP_Training.txt"

    chains, problems = read(path, (HEADER if header else "") + "".join(lines))

    assert problems == RecordErrors()
    assert [(chain.id, chain.sequence, dict(chain.ligands)) for chain in chains] == [
        (f"{entry}_{letter}", sequence, {"ATP": tuple(at)}) for entry, letter, sequence, at in cases
    ]


def test_blank_lines_windows_line_ends_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    """As in files from office programs; line numbers are counted as there."""
    text = "\ufeff" + (HEADER + "\n1ABC;A;M1 K2;mkv\n1ABD;;V3;MKV\n").replace("\n", "\r\n")

    chains, problems = read(tmp_path / "ZN_x.txt", text)

    assert problems == RecordErrors()
    assert [chain.labels for chain in chains] == [(1, 1, 0), (0, 0, 1)]
    assert [chain.id for chain in chains] == ["1ABC_A", "1ABD"]
    assert chains[0].source == "ZN_x.txt, line 3"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1ABC;A;M1", "have 4 fields, pdb_id;chain_id;binding_residues;sequence, got 3"),
        (";;;", "record must hold a chain, got 'empty fields'"),
        (";A;M1;MKV", "pdb_id must not be empty"),
        ("1ABC;A;;MKV", "binding_residues must name at least one residue"),
        ("1ABC;A;M1;", "sequence must hold at least one residue"),
        ("1ABC;A;D2;MKV", r"D2 (the sequence has K)"),
        ("1ABC;A;V4;MKV", "lie in 1 to 3"),
        ("1ABC;A;M1;MK-V", "letters A to Z only"),
    ],
)
def test_a_bad_line_is_reported_and_the_rest_is_read(
    tmp_path: Path, line: str, message: str
) -> None:
    """One bad line does not hide its neighbours."""
    text = f"{HEADER}1AAA;A;M1;MKV\n{line}\n1AAB;A;V3;MKV\n"

    chains, problems = read(tmp_path / "ZN_x.txt", text)

    assert [chain.id for chain in chains] == ["1AAA_A", "1AAB_A"]
    assert len(problems.records) == 1
    assert message in problems.records[0]
    assert "(ZN_x.txt, line 3)" in problems.records[0]


def test_file_without_a_ligand_in_its_name_has_none(tmp_path: Path) -> None:
    """Only text before an underscore is taken for a ligand."""
    chains, _ = read(tmp_path / "train.txt", "1ABC;A;M1;MKV\n")

    assert chains[0].ligands == {}


def test_file_that_is_no_text_is_a_fault_of_the_file(tmp_path: Path) -> None:
    """Invalid UTF-8 cannot be skipped record by record."""
    path = tmp_path / "ZN_x.txt"
    path.write_bytes(b"\xff\xfe\x00")
    problems = RecordErrors()

    assert read_text(path, "ZN_x.txt", problems) == []
    assert "file must be readable UTF-8 text" in problems.files[0]
