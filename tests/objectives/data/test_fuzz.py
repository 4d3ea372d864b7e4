"""Reading any file gives chains or faults, never another exception.

``LORASWEEP_FUZZ_EXAMPLES`` sets the examples per test, for long campaigns.
"""

from __future__ import annotations

import json
import os
import pickle
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objectives.data.chain import IGNORED, Chain
from objectives.data.errors import RecordErrors
from objectives.data.formats.record import Record, build_chain
from objectives.data.formats.table import read_table
from objectives.data.formats.table_columns import KNOWN_COLUMNS, chains_of_rows, column_faults
from objectives.data.formats.text import read_text
from objectives.data.protein import is_missing, other_kind
from sweep.errors import DataError

EXAMPLES = int(os.environ.get("LORASWEEP_FUZZ_EXAMPLES", examples(200)))
WHERE = "a.csv, line 2"

fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)

LETTERS = "ACDEFGHIKLMNPQRSTVWYX"
WILD = st.text(
    st.one_of(st.characters(), st.sampled_from("ACDX01 ,;[]()\"'\t\r\n\0\ufeff\x85\u2028-_.ßﬁıſ²١"))
)
NUMBERS = st.one_of(
    st.integers(-3, 40),
    st.integers(),
    st.integers(min_value=4000, max_value=5000).map(lambda digits: 10**digits),
    st.floats(),
    st.booleans(),
    st.none(),
)
TREES = st.recursive(
    st.one_of(NUMBERS, WILD, st.binary(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=10,
)
JSON = st.recursive(
    st.one_of(NUMBERS.filter(lambda n: not isinstance(n, int) or abs(n) < 10**99), WILD),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
SEQUENCES = st.one_of(st.text(LETTERS, min_size=1, max_size=12), WILD, TREES)
LABELS = st.one_of(
    st.text("01", max_size=12),
    st.lists(st.sampled_from([0, 1, IGNORED, "0", "1", True, 0.0, None, 2]), max_size=12),
    TREES,
)
TOKENS = st.one_of(
    st.builds("{}{}".format, st.sampled_from(["", *LETTERS, "é", "-"]), st.integers(-1, 14)),
    st.from_regex(r"[A-Za-z]?[0-9]{1,25}", fullmatch=True),
    st.integers(4300, 4400).map(lambda digits: "K" + "1" * digits),
    WILD,
)
POSITIONS = st.one_of(
    st.lists(TOKENS, max_size=6).map(" ".join), st.lists(st.one_of(TOKENS, NUMBERS)), TREES
)
NAMES = st.one_of(
    st.sampled_from([*KNOWN_COLUMNS, "Sequence", " LABELS ", "\ufeffsequence", "", "x"]),
    st.text(max_size=4),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which each test overwrites one file."""
    return tmp_path_factory.mktemp("fuzz")


def sound(chain: Chain) -> None:
    """The invariants of a chain that later code relies on."""
    assert re.fullmatch("[A-Z]+", chain.sequence)
    assert len(chain.labels) == len(chain.sequence)
    assert set(chain.labels) <= {0, 1, IGNORED}
    binding = tuple(index for index, label in enumerate(chain.labels) if label == 1)
    assert all(positions == binding for positions in chain.ligands.values())
    assert chain.id
    for text in (chain.id, chain.source, *chain.ligands):
        assert text.encode()


def check_faults(faults: Iterable[str]) -> None:
    """Each fault reads "... must ..., got ...", and is short and printable."""
    for text in faults:
        assert re.match(r"[\w. ]+ must .+, got .+ \(.+\)\.", text, re.DOTALL), text
        assert len(text) < 2500
        assert text.encode()


def outcome(record: Record) -> Chain | None:
    """The chain of a record, or None if it is refused with faults."""
    try:
        chain = build_chain(record)
    except DataError as error:
        faults = error.faults
    else:
        sound(chain)
        return chain
    assert faults
    check_faults(faults)
    return None


def read(
    reader: Callable[[Path, str, RecordErrors], list[Chain]], path: Path, content: bytes
) -> tuple[list[Chain], RecordErrors]:
    """Read a file of the given bytes and check all results."""
    path.write_bytes(content)
    problems = RecordErrors()
    chains = reader(path, path.name, problems)
    for chain in chains:
        sound(chain)
    check_faults([*problems.files, *problems.records])
    return chains, problems


RECORDS = st.builds(
    Record,
    SEQUENCES,
    st.just(WHERE),
    name=TREES,
    ligand=TREES,
    labels=st.none() | LABELS,
    positions=POSITIONS,
    letters=st.booleans(),
)


@given(RECORDS)
@fuzz
def test_any_record_is_a_chain_or_a_fault(record: Record) -> None:
    """Any types that a table or a pickle contains."""
    outcome(record)


@given(st.one_of(WILD, st.text("ACDXacdx\xdf\ufb01\u0131\u017f \t", max_size=6)))
@fuzz
def test_a_sequence_keeps_its_length_or_is_refused(text: str) -> None:
    """Uppercasing must not add residues, since it would shift every label after them."""
    chain = outcome(Record(text, WHERE, positions=[]))
    letters = "".join(text.strip().rstrip("*").split())

    if chain is not None:
        assert re.fullmatch("[A-Za-z]+", letters)
        assert len(chain.sequence) == len(letters)
    elif re.fullmatch("[A-Za-z]+", text.strip()):
        assert is_missing(letters) or other_kind(letters)


@given(
    st.text(LETTERS, min_size=1, max_size=30),
    st.one_of(st.lists(TOKENS, max_size=6), st.lists(st.integers(1, 30).map(str), max_size=6)),
    st.booleans(),
)
@fuzz
def test_residue_tokens_bind_at_their_numbers(
    sequence: str,
    tokens: list[str],
    letters: bool,  # noqa: FBT001
) -> None:
    """An accepted record binds at exactly the numbers in its tokens."""
    text = " ".join(tokens)
    chain = outcome(Record(sequence, WHERE, positions=text, letters=letters))

    if chain is not None:
        numbers = {int(number) for number in re.findall(r"[0-9]+", text)}
        assert {index + 1 for index, label in enumerate(chain.labels) if label} == numbers


@given(
    st.text(LETTERS, min_size=1, max_size=12),
    st.one_of(LABELS, st.integers(0, 13).map(lambda size: "01" * size)),
)
@fuzz
def test_labels_are_one_per_residue_or_refused(sequence: str, labels: object) -> None:
    """An accepted list is read item by item."""
    chain = outcome(Record(sequence, WHERE, labels=labels))

    if chain is not None and isinstance(labels, list):
        assert list(chain.labels) == [int(label) for label in labels]


FIELDS = st.one_of(
    WILD,
    st.lists(TOKENS, max_size=4).map(" ".join),
    st.sampled_from(["1ABC", "A", "M1", "MKV", "M1 K2", "pdb_id", "sequence", ""]),
)
TEXT_LINES = st.lists(st.lists(FIELDS, max_size=5).map(";".join), max_size=5)


@given(
    st.one_of(TEXT_LINES.map("\n".join), WILD), st.sampled_from(["utf-8", "utf-16", "utf-8-sig"])
)
@fuzz
def test_any_text_file_is_read_or_refused(folder: Path, text: str, encoding: str) -> None:
    """Lines of the text format, parts of them, or anything else."""
    content = text.encode(encoding, "surrogatepass")
    chains, problems = read(read_text, folder / "ATP_x.txt", content)

    if not problems.files:
        codec = "utf-16" if encoding == "utf-16" else "utf-8-sig"
        split = re.split(r"\r\n|\r|\n", content.decode(codec))
        lines = [line for line in split if line.strip()]
        assert len(lines) - 1 <= len(chains) + len(problems.records) <= len(lines)


CELLS = st.one_of(
    WILD,
    st.sampled_from(["MKV", "010", "[0, 1, 0]", "1 3", "nan", "0.0", '"', '"MKV"', "1ABC_A"]),
)
ROWS = st.lists(st.lists(CELLS, max_size=4), max_size=4)


@given(st.lists(NAMES, max_size=5), ROWS, st.sampled_from([".csv", ".tsv"]))
@fuzz
def test_any_delimited_file_is_read_or_refused(
    folder: Path, header: list[str], rows: list[list[str]], suffix: str
) -> None:
    """Any number of cells, some quoted."""
    delimiter = "," if suffix == ".csv" else "\t"
    text = "\n".join(delimiter.join(cells) for cells in [header, *rows])

    read(read_table, folder / f"a{suffix}", text.encode("utf-8", "surrogatepass"))


@given(ROWS, st.sampled_from(["labels", "positions"]))
@fuzz
def test_any_rows_under_a_valid_header_are_read_or_refused(
    folder: Path, rows: list[list[str]], label_column: str
) -> None:
    """No row is lost: each that is not blank is a chain or a bad record."""
    rows = [cells for cells in rows if any(map(str.strip, cells))]
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in cells] for cells in rows]
    lines = [f"sequence,{label_column},id", *(",".join(cells) for cells in quoted)]
    content = "\n".join(lines).encode("utf-8", "replace")

    chains, problems = read(read_table, folder / "b.csv", content)

    lost = len(lines) - 1 - len(chains) - len(problems.records)
    assert lost == 0 or (lost > 0 and "be counted from 1" in problems.files[0])


OBJECTS = st.dictionaries(NAMES, st.one_of(JSON, LABELS, SEQUENCES), max_size=4)


def as_line(value: object) -> str:
    """JSON, or Python's repr of values that JSON lacks."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError):  # bytes; more digits than Python prints
        return "{]"


@given(
    st.lists(st.one_of(OBJECTS.map(as_line), JSON.map(as_line), WILD), max_size=5),
    st.sampled_from([".jsonl", ".ndjson", ".json"]),
)
@fuzz
def test_any_lines_of_json_are_read_or_refused(folder: Path, lines: list[str], suffix: str) -> None:
    """Objects, other values and invalid JSON."""
    content = "\n".join(lines).encode("utf-8", "surrogatepass")

    read(read_table, folder / f"a{suffix}", content)


@given(st.binary(), st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet", ".pkl"]))
@fuzz
def test_any_bytes_are_read_or_refused(folder: Path, content: bytes, suffix: str) -> None:
    """Files of no format."""
    read(read_table, folder / f"bytes{suffix}", content)


@given(st.lists(OBJECTS, max_size=3))
@fuzz
def test_any_parquet_columns_are_read_or_refused(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Cells of any types that Arrow infers."""
    path = folder / "a.parquet"
    try:
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):  # Arrow cannot write these
        return

    read(read_table, path, path.read_bytes())


@given(st.one_of(st.lists(OBJECTS, max_size=3), st.dictionaries(NAMES, TREES, max_size=4), TREES))
@fuzz
def test_any_pickle_is_read_or_refused(folder: Path, value: object) -> None:
    """Tables of plain Python objects, and other objects."""
    read(read_table, folder / "a.pkl", pickle.dumps(value))


@given(st.lists(NAMES, max_size=7))
@fuzz
def test_any_columns_are_accepted_or_refused(names: list[str]) -> None:
    """A table is accepted only with one sequence and one label column."""
    faults = column_faults(names, "a.csv")
    check_faults(faults)
    labels = names.count("labels") + names.count("positions")
    optional = max(names.count("id"), names.count("ligand"))

    assert (not faults) == (names.count("sequence") == labels == 1 and optional <= 1)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(KNOWN_COLUMNS), TREES | LABELS | SEQUENCES), max_size=4
    ),
    st.sampled_from(["labels", "positions"]),
)
@fuzz
def test_any_rows_are_chains_or_problems(rows: list[dict[str, Any]], label_column: str) -> None:
    """Exactly one of the two for each row."""
    problems = RecordErrors()
    placed = [(f"a.jsonl, line {number}", row) for number, row in enumerate(rows, start=1)]
    chains = chains_of_rows(placed, label_column, problems)

    for chain in chains:
        sound(chain)
    check_faults([*problems.files, *problems.records])
    lost = len(rows) - len(chains) - len(problems.records)
    # A file with positions counted from 0 is one fault, whatever its rows.
    assert lost == 0 or (lost > 0 and "be counted from 1" in problems.files[0])
