"""The counts of the source's structure, and their upper bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.structure import counts, imports, parsed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Four modules, two of which import each other: one for types, one within a function."""
    files = {
        "sweep/__init__.py": "",
        "sweep/errors.py": "",
        "sweep/study/__init__.py": "",
        "sweep/study/spec.py": (
            "from typing import TYPE_CHECKING\n"
            "from sweep import errors\n"
            "if TYPE_CHECKING:\n"
            "    from sweep.study.parts import Part\n"
        ),
        "sweep/study/parts.py": (
            "class Part: ...\ndef whole():\n    import sweep.study.spec\n" + "    pass\n" * 40
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_imports_for_typing_and_within_functions_count(checkout: Path) -> None:
    """Both kinds of imports make a cycle."""
    assert set(imports(parsed(checkout)).edges) == {
        ("sweep.study.spec", "sweep.errors"),
        ("sweep.study.spec", "sweep.study.parts"),
        ("sweep.study.parts", "sweep.study.spec"),
    }


def test_every_count_of_a_small_checkout(checkout: Path) -> None:
    """Compared with counts by hand."""
    assert counts(checkout) == {
        "files": 5,
        "lines": 47,
        "median lines of a file": 0,
        "files under 60 lines": 5,
        "longest file": "43 (sweep/study/parts.py)",
        "packages in sweep": 1,
        "modules at the root of sweep": 1,
        "circles of imports": "1 [2]",
        "functions over 40 lines": 1,
    }


def test_the_source_is_within_its_bounds() -> None:
    """No import cycles, few folders, no long file."""
    found = counts(ROOT)

    assert found["circles of imports"] == "0"
    assert int(str(found["packages in sweep"])) <= 14
    assert int(str(found["modules at the root of sweep"])) <= 4
    assert int(str(found["longest file"]).partition(" ")[0]) <= 400
