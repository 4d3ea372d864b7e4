"""Output files of predictions can be parsed back: all numbers, all reserved characters."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.binding.predict.formats import FORMATS
from objectives.binding.predict.stream import Prediction
from objectives.data.formats.fasta import FastaRecord

SEQID = re.compile(r"([A-Za-z0-9.:^*$@!+_?|-]|%[0-9A-F]{2})+")
RESERVED = re.compile(r"[\t\n\r\x00-\x1f\x7f;=&,]|%(?![0-9A-F]{2})")
NASTY = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(";=&,%~>#\"'<"), min_size=1
)


@st.composite
def predictions(draw: st.DrawFn) -> Prediction:
    """A chain with any name and any probabilities."""
    chances = draw(st.lists(st.floats(0, 1), min_size=1, max_size=30))
    sequence = draw(st.text("ACDEFGHIKLMNPQRSTVWY", min_size=len(chances), max_size=len(chances)))
    record = FastaRecord(draw(NASTY), draw(st.text()), sequence, 1)
    threshold = draw(st.floats(0.01, 0.99))
    probabilities = np.array(chances)
    return Prediction(record, probabilities, probabilities > threshold, threshold)


def whole(form: str, chains: Sequence[Prediction]) -> str:
    """A complete file as the job writes it."""
    writer = FORMATS[form]()
    return writer.head() + "".join(map(writer.chain, chains)) + writer.tail()


CHAINS = st.lists(predictions(), max_size=4, unique_by=lambda each: each.record.id)


@given(CHAINS)
def test_tsv_round_trips_every_number(chains: list[Prediction]) -> None:
    """One line per residue, in order, positions from 1."""
    head, *lines = whole("tsv", chains).split("\n")[:-1]
    rows = [line.split("\t") for line in lines]
    expected = [
        [each.record.id, str(at + 1), each.record.sequence[at], each.probabilities[at]]
        for each in chains
        for at in range(len(each.record.sequence))
    ]

    assert head.split("\t") == ["chain", "position", "residue", "probability", "call"]
    assert [[*row[:3], float(row[3])] for row in rows] == expected
    assert [row[4] for row in rows] == [str(int(c)) for each in chains for c in each.called]


@given(CHAINS)
def test_json_is_one_array_with_a_chain_per_line(chains: list[Prediction]) -> None:
    """The whole file is JSON, and each line is too."""
    text = whole("json", chains)
    tree = json.loads(text)

    assert [json.loads(line.removesuffix(",")) for line in text.split("\n")[1:-2] if line] == tree
    assert [each["chain"] for each in tree] == [each.record.id for each in chains]
    for found, made in zip(tree, chains, strict=True):
        assert found["probabilities"] == made.probabilities.tolist()
        assert found["calls"] == "".join(str(int(called)) for called in made.called)
        assert found["sequence"] == made.record.sequence
        assert found["description"] == made.record.description
        assert found["threshold"] == made.threshold


@given(CHAINS)
def test_gff3_follows_its_specification(chains: list[Prediction]) -> None:
    """Version first; nine columns; reserved characters encoded; features within their region."""
    lines = whole("gff3", chains).split("\n")
    assert lines.pop() == ""
    assert lines.pop(0) == "##gff-version 3"
    regions: dict[str, int] = {}
    ids: set[str] = set()
    found: dict[str, list[tuple[int, int]]] = {}
    for line in lines:
        if line.startswith("##sequence-region "):
            _, seqid, start, end = line.split(" ")
            assert SEQID.fullmatch(seqid)
            assert seqid not in regions
            assert start == "1"
            regions[seqid] = int(end)
            found[unquote(seqid)] = []
        elif line != "###":
            seqid, source, kind, start, end, score, strand, phase, attributes = line.split("\t")
            assert (source, kind, strand, phase) == ("lorasweep", "binding_site", ".", ".")
            assert 1 <= int(start) <= int(end) <= regions[seqid]
            assert 0 <= float(score) <= 1
            pairs = dict(pair.split("=") for pair in attributes.split(";"))
            assert set(pairs) == {"ID", "residues", "probabilities", "threshold"}
            assert not any(RESERVED.search(v) for k, v in pairs.items() if k != "probabilities")
            assert len(pairs["probabilities"].split(",")) == int(end) - int(start) + 1
            assert pairs["ID"] not in ids
            ids.add(pairs["ID"])
            own = unquote(seqid)
            found[own].append((int(start), int(end)))
            assert unquote(pairs["ID"]) == f"{own}.site{len(found[own])}"

    assert found == {each.record.id: each.stretches for each in chains}
    assert list(regions.values()) == [len(each.record.sequence) for each in chains]


def test_a_gff3_feature_in_full() -> None:
    """The score is the mean; every probability is listed."""
    called = np.array([False, True, True, False])
    chances = np.array([0.1, 0.75, 0.5, 0.2])
    made = Prediction(FastaRecord("sp|P1;x~y", "", "MKVL", 1), chances, called, 0.25)

    assert whole("gff3", [made]).splitlines()[1:] == [
        "##sequence-region sp|P1%3Bx%7Ey 1 4",
        "\t".join(
            [
                *("sp|P1%3Bx%7Ey", "lorasweep", "binding_site", "2", "3", "0.625", ".", "."),
                "ID=sp|P1%3Bx~y.site1;residues=KV;probabilities=0.75,0.5;threshold=0.25",
            ]
        ),
        "###",
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_without_chains_is_a_valid_file(form: str) -> None:
    """The command never writes one, but the writers must handle it."""
    text = whole(form, [])

    assert text.endswith("\n")
    assert form != "json" or json.loads(text) == []
