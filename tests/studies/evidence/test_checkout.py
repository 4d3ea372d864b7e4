"""The evidence commands do not write into an installed package."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies.evidence import __main__ as evidence
from studies.evidence import pages
from studies.evidence.numbers import NUMBERS
from studies.evidence.pages import PAGES


def test_outside_a_checkout_a_folder_must_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written into site-packages."""
    monkeypatch.setattr(pages, "ROOT", tmp_path / "site-packages")
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: pytest.fail("it was written to"))
    pictures = pytest.importorskip("studies.evidence.pictures")

    for command, arguments in (
        (evidence.main, ["pages"]),
        (evidence.main, []),
        (pictures.main, []),
    ):
        with pytest.raises(SystemExit) as end:
            command(arguments)
        assert end.value.code == 2
        assert "--out DIR must be given outside a checkout" in capsys.readouterr().err


def test_a_given_folder_receives_the_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as in the checkout, from the published numbers."""
    monkeypatch.setattr(pages, "ROOT", tmp_path / "site-packages")
    before = NUMBERS.read_bytes()

    assert evidence.main(["pages", "--out", str(tmp_path / "new")]) == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(
        path.name for path in PAGES.values()
    )
    for path in PAGES.values():
        assert (tmp_path / "new" / path.name).read_bytes() == path.read_bytes()
    assert NUMBERS.read_bytes() == before
