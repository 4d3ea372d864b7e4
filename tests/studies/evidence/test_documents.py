"""Documents agree with the numbers, numbers with the databases, databases with the studies."""

from __future__ import annotations

import importlib
import json
import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from studies.evidence.numbers import NUMBERS, REDUCED, RESULTS, numbers
from studies.evidence.pages import PAGES, fixed, page, percent, rate, signed

FOUND: dict[str, Any] = json.loads(NUMBERS.read_text(encoding="utf-8"))
STUDIES = sorted(name for name in FOUND if (RESULTS / f"{name}.db").is_file())


@pytest.mark.parametrize("template", PAGES)
def test_a_document_equals_its_filled_template(template: str) -> None:
    """After a change of either: ``python -m studies.evidence pages``."""
    assert PAGES[template].read_text(encoding="utf-8") == page(template, FOUND)


@pytest.mark.parametrize("template", PAGES)
def test_a_changed_number_changes_the_document(template: str) -> None:
    """So the test above can fail: no table is typed by hand."""
    spoilt = json.loads(re.sub(r'("mean": 0\.)\d', r"\g<1>9", json.dumps(FOUND)))

    assert page(template, spoilt) != page(template, FOUND)


@pytest.mark.parametrize("template", PAGES)
def test_every_link_has_a_target(template: str) -> None:
    """Relative links of a document name files or folders of the project."""
    path = PAGES[template]
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))

    assert [x for x in links if "://" not in x and not (path.parent / x).exists()] == []


@pytest.mark.slow
def test_the_numbers_equal_those_of_the_databases() -> None:
    """Analysed again; except for the last digits on other processors."""
    assert _close(numbers(), FOUND) == []


@pytest.mark.parametrize("name", STUDIES)
def test_a_database_has_the_digest_of_its_study(name: str) -> None:
    """The stored spec's digest equals that of the study file of the same name."""
    module = "reduced" if name in REDUCED else name
    spec = replace(importlib.import_module(f"studies.{module}").STUDY, name=name)

    assert FOUND[name]["digest"] == spec.digest()


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.db")), ids=lambda path: path.stem)
def test_a_database_contains_no_path_of_a_machine(path: Path) -> None:
    """No home or working directory is published with the results."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        text = "\n".join(connection.iterdump())

    assert not re.findall(r"/(?:home|root|work|tmp|Users)/[^\"' ]*", text)


def test_numbers_are_formatted_for_readers() -> None:
    """Digits, signs, shares and rates."""
    assert (fixed(0.12345), fixed(None), fixed(2.0, 1)) == ("0.123", "-", "2.0")
    assert (signed(0.01), signed(-0.01), signed(None)) == ("+0.0100", "-0.0100", "-")
    assert (percent(0.5), percent(0.1234, 1)) == ("50 %", "12.3 %")
    assert (rate(0.001), rate(2.4e-3), rate(0.00123)) == ("1e-3", "2.4e-3", "1.2e-3")


def _close(first: Any, second: Any, path: str = "") -> list[str]:
    """The paths where two JSON trees differ by more than a millionth."""
    if isinstance(first, dict) and isinstance(second, dict):
        names = sorted({*first, *second})
        return [x for n in names for x in _close(first.get(n), second.get(n), f"{path}/{n}")]
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = zip(first, second, strict=True)
        return [x for i, (a, b) in enumerate(pairs) for x in _close(a, b, f"{path}/{i}")]
    if isinstance(first, float) and isinstance(second, float):
        return [] if first == pytest.approx(second, rel=1e-6, abs=1e-9) else [path]
    return [] if first == second else [path]
