"""Files of a written report, and their consistency."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import lorasweep
from report_studies import mixed, plain

from sweep.errors import UsageError
from sweep.report.figures.kinds import draw
from sweep.report.tree.build import report_tree
from sweep.report.write import default_folder, images_of, write_report
from sweep.results.analysis import AnalysisOptions
from sweep.storage.url import StorageUrl

pytestmark = pytest.mark.integration

QUICK = AnalysisOptions(quick=True)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tree of a study with failures, replicates and HTML in a name."""
    study, address = mixed(tmp_path_factory.mktemp("mixed"))
    return report_tree(study, address, QUICK)


def test_the_numbers_are_the_tree_and_figures_are_separate_files(
    tree: dict[str, Any], tmp_path: Path
) -> None:
    """Written twice, the second replaces the first."""
    written = [write_report(tree, tmp_path / "out") for _ in range(2)][-1]

    assert json.loads(Path(written["numbers"]).read_text()) == tree
    page = Path(written["page"]).read_text()
    assert "Plotly" in page
    assert "mixed <b>" not in page
    assert "mixed &lt;b&gt;" in page
    drawn = {each.key: each for each in draw(tree)}
    assert set(written["figures"]) | set(written["empty"]) == set(drawn)
    folder = tmp_path / "out" / "figures"
    for key, names in written["figures"].items():
        assert json.loads((folder / f"{key}.json").read_text()) == drawn[key].figure
        assert all((folder / name).is_file() for name in names)
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_full_report_has_at_least_ten_figures(tree: dict[str, Any]) -> None:
    """Of a study with data for all figures except those of predictions."""
    assert sum(each.figure is not None for each in draw(tree)) >= 10


def test_a_folder_that_cannot_be_made_is_an_error(tree: dict[str, Any], tmp_path: Path) -> None:
    """A file has its name."""
    (tmp_path / "out").write_text("x")

    with pytest.raises(UsageError, match=r"--out must be a folder that can be written, got .*out"):
        write_report(tree, tmp_path / "out")


def test_a_report_is_written_beside_its_database(tmp_path: Path) -> None:
    """Each study of a database has its own folder."""
    address = StorageUrl.parse(f"sqlite:///{tmp_path}/study.db")

    assert default_folder(address, "demo") == tmp_path / "demo-report"
    assert default_folder(address, "../demo") != default_folder(address, "demo")
    server = StorageUrl.parse("postgresql+psycopg://u@h/d")
    assert default_folder(server, "demo") == Path("runs/demo-report")


def test_images_without_a_browser_are_an_error(
    tree: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message; the report is written nevertheless."""
    pytest.importorskip("kaleido")
    monkeypatch.setattr(
        "choreographer.browsers.chromium.Chromium.find_browser", lambda *_, **__: None
    )

    files, why = images_of(draw(tree), tmp_path, ["png"])

    assert files == {}
    assert "browser" in why


def test_the_command_writes_a_report_and_prints_its_path(tmp_path: Path) -> None:
    """As text, and as one JSON document; an error is one message."""
    _, address = plain(tmp_path, 3)
    asked = ("report", "--storage", address.url, "--quick")

    run = lorasweep(tmp_path, *asked)
    listed = lorasweep(tmp_path, *asked, "--out", "there", "--json")
    wrong = lorasweep(tmp_path, *asked, "--images", "png,gif", "--json")

    assert run.returncode == 0, run.stderr
    assert f"report     {tmp_path}/plain-report/report.html" in run.stdout
    found = json.loads(listed.stdout)
    assert (tmp_path / found["page"]).is_file()
    assert found["verdicts"][0]["headline"] == "INCONCLUSIVE"
    assert wrong.returncode == 2
    assert json.loads(wrong.stdout)["error"] == ("--images must be made of png and svg, got 'gif'.")
