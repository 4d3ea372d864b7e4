"""Convert any data source to one standard table per split, verified by reading it back.

One row per record and ligand: ``id``, ``sequence``, ``labels`` (0, 1 and -100 for unknown, one per
residue), ``ligand`` and ``family``. A record of several ligands becomes several rows, which are
merged again on reading. The library ``datasets`` can load a folder with one Parquet file per
split.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from objectives.data.chain import IGNORED, Chain
from objectives.data.errors import RecordErrors, reason
from objectives.data.formats.source import open_source
from objectives.data.letters import judge_letters
from objectives.data.prepare.cache import without_progress_bars
from objectives.data.protein import STOP
from objectives.data.splits import Splits, mask_dropped, merge_identical
from sweep.errors import DataError, UsageError, fault
from sweep.files.atomic import publish

COLUMNS = ("id", "sequence", "labels", "ligand", "family")
Row = dict[str, Any]


def convert(
    source: str,
    out: Path,
    form: str | None = None,
    *,
    skip_bad: bool = False,
    allow_pickle: bool = False,
) -> dict[str, Any]:
    """Write a source in the standard format, read it back and compare.

    Args:
        source: see ``objectives.data.formats.source.open_source``.
        out: a file whose suffix gives the format, or a new or empty folder for the splits.
        form: the format of the files in a folder: one of ``FORMS``; Parquet if None.
        skip_bad: leave bad records out and list them.
        allow_pickle: read pickled tables too.

    Returns:
        ``source``, ``out``, ``format``, ``files``, ``splits`` (by split ``records``, ``rows``
        and ``chains``, which counts distinct sequences), ``skipped_bad`` and ``left_open``.

    Raises:
        UsageError: if ``out`` has another format than ``form``, is one file for several splits,
            a folder that is not empty, or within the source.
        DataError: if the source cannot be read or ``out`` written, or is not read back equal.
    """
    form = _form(out, form)
    to_file = bool(out.suffix)
    problems = RecordErrors()
    splits = open_source(source, allow_pickle=allow_pickle).read(problems)
    judge_letters(splits, source, problems)
    skipped = problems.settle(source, skip_bad=skip_bad, sound=splits.count() > 0)
    splits = mask_dropped(splits, problems.dropped)
    given = {name: chains for name, chains in splits.given().items() if chains}
    _require_place(source, out, given, to_file=to_file)
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        # In the target's folder, hence on the same file system, so that it can be renamed.
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.absolute().parent) as made:
            rows = {name: list(_rows(chains)) for name, chains in given.items()}
            for name, table in rows.items():
                FORMS[form](table, Path(made) / f"{name}.{form}")
            _require_equal(Splits(**given), made, out)
            if to_file:
                publish(Path(made) / f"train.{form}", out)
            else:
                out.mkdir(exist_ok=True)
                for name in rows:
                    publish(Path(made) / f"{name}.{form}", out / f"{name}.{form}")
    except OSError as error:
        rule, way_out = "be a place that can be written", "Check the path and your rights to it"
        where = reason(error)
        raise DataError(fault("--out", rule, str(out), where=where, way_out=way_out)) from error
    return {
        "source": source,
        "out": str(out),
        "format": form,
        "files": [str(out)] if to_file else [str(out / f"{name}.{form}") for name in rows],
        "splits": {
            name: {
                "records": len(chains),
                "rows": len(rows[name]),
                "chains": len({chain.sequence for chain in chains}),
            }
            for name, chains in given.items()
        },
        "skipped_bad": list(skipped),
        "left_open": dict(problems.counts),
    }


def _form(out: Path, form: str | None) -> str:
    """The format given by the suffix of ``out`` or by ``form``."""
    suffix = out.suffix.lower().lstrip(".")
    if not suffix:
        return form or "parquet"
    if suffix not in FORMS:
        rule = f"end in .{', .'.join(FORMS)}, or be a folder"
        raise UsageError(fault("--out", rule, str(out)))
    if form not in {None, suffix}:
        raise UsageError(fault("--format", "be that of --out", form, where=str(out)))
    return suffix


def _require_place(
    source: str, out: Path, given: dict[str, Sequence[Chain]], *, to_file: bool
) -> None:
    """Refuse an ``out`` that would overwrite data or cannot hold all splits."""
    origin = Path(source).expanduser()
    rule = way_out = ""
    if to_file and list(given) != ["train"]:
        rule = f"be a folder for the splits {', '.join(given)}"
        way_out = f"Leave the suffix away: --out {out.with_suffix('')} (and --format for others)"
    elif to_file and out.is_dir():
        rule = "be a file"
    elif not to_file and out.exists() and (not out.is_dir() or any(out.iterdir())):
        rule = "be a new or empty folder"
    elif origin.exists() and out.resolve().is_relative_to(origin.resolve()):
        rule = "lie outside of the source"
    if rule:
        raise UsageError(fault("--out", rule, str(out), way_out=way_out))


def _rows(chains: Sequence[Chain]) -> Iterator[Row]:
    """One row per ligand of a chain, and one for binding residues without a named ligand."""
    for chain in chains:
        sequence = chain.sequence + STOP * chain.translated
        common = {"id": chain.id, "sequence": sequence, "family": chain.family}
        named: set[int] = set()
        for ligand, positions in chain.ligands.items():
            named.update(positions)
            labels = [
                IGNORED if label == IGNORED else int(at in set(positions))
                for at, label in enumerate(chain.labels)
            ]
            yield {**common, "labels": labels, "ligand": ligand}
        if not chain.ligands or any(
            label == 1 and at not in named for at, label in enumerate(chain.labels)
        ):
            yield {**common, "labels": list(chain.labels), "ligand": ""}


def _require_equal(splits: Splits, written: str, out: Path) -> None:
    """Verify that the written tables are read back as the same chains."""
    problems = RecordErrors()
    back = open_source(written).read(problems)
    problems.settle(str(out), skip_bad=False)
    for name, chains in splits.given().items():
        before, after = merge_identical(chains), merge_identical(getattr(back, name) or [])
        pairs = zip(map(_content, before), map(_content, after), strict=False)
        odd = next((one for one, other in pairs if one != other), None)
        if odd is not None or len(before) != len(after):
            got = odd[0] if odd is not None else f"{len(after)} chains for {len(before)}"
            raise DataError(fault("the table", "be read back as the source", got, where=name))


def _content(chain: Chain) -> tuple[Any, ...]:
    return chain.id, chain.sequence, chain.labels, dict(chain.ligands), chain.family


def _parquet(rows: Sequence[Row], path: Path) -> None:
    import datasets

    text = datasets.Value("string")
    columns = dict.fromkeys(COLUMNS, text) | {"labels": datasets.List(datasets.Value("int8"))}
    features = datasets.Features(columns)
    table = {name: [row[name] for row in rows] for name in COLUMNS}
    with without_progress_bars():
        datasets.Dataset.from_dict(table, features=features).to_parquet(path)


def _delimited(delimiter: str) -> Callable[[Sequence[Row], Path], None]:
    def write(rows: Sequence[Row], path: Path) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            # compact, such as 0010, if every label is a single digit
            between = " " if IGNORED in row["labels"] else ""
            writer.writerow({**row, "labels": between.join(map(str, row["labels"]))})
        path.write_text(text.getvalue(), encoding="utf-8", newline="")

    return write


def _json_lines(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


FORMS: dict[str, Callable[[Sequence[Row], Path], None]] = {
    "parquet": _parquet,
    "csv": _delimited(","),
    "tsv": _delimited("\t"),
    "jsonl": _json_lines,
}
"""Format, which is also the file suffix, to its writer."""
