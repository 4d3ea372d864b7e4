"""The pages of docs/ agree with the project."""

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from objectives.metrics.metrics import Predictions, at_threshold, evaluate
from sweep import StudySpec
from sweep.cli.main import parse

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in DOCS.rglob("*.md")}
WRITTEN = {
    **PAGES,
    **{name: (ROOT / name).read_text("utf-8") for name in ("README.md", "CONTRIBUTING.md")},
}
"""All pages by path."""

FOLDERS = "sweep|objectives|studies|tests|benchmarks|docs"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """The script that writes the reference pages."""
    spec = importlib.util.spec_from_file_location("generate_docs", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["cli.md", "settings.md"])
def test_a_generated_page_is_current(generator: ModuleType, page: str) -> None:
    """After a change of options or settings: make docs."""
    assert set(generator.PAGES) == {"cli.md", "settings.md"}
    assert (DOCS / "reference" / page).read_text("utf-8") == generator.PAGES[page]()


def test_the_metrics_page_names_every_metric() -> None:
    """Of an evaluation and at the chosen threshold."""
    margin, labels = np.array([-1.0, 0.5, 2.0]), np.array([0, 1, 1])
    predictions = Predictions(margin, labels, labels)
    returned = {**evaluate(predictions, ["ATP"]), **at_threshold(predictions, 0.0)}
    named = set(re.findall(r"`(\w+)`", PAGES["docs/reference/metrics.md"]))

    assert set(returned) - named == set()


def test_every_relative_link_leads_to_a_file() -> None:
    """Relative to its page, as repositories resolve it."""
    lost = [
        f"{page}: {link}"
        for page, text in WRITTEN.items()
        for link in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", text))
        if "://" not in link and not link.startswith("#")
        if not ((ROOT / page).parent / link.partition("#")[0]).exists()
    ]

    assert lost == []


def test_every_path_that_a_page_names_exists() -> None:
    """Files of recipes and sources of figures; paths that end in NAME are patterns."""
    named = {
        (page, path)
        for page, text in WRITTEN.items()
        for path in re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", text)
        if "NAME" not in path
    }

    assert len(named) >= 50
    assert [each for each in sorted(named) if not (ROOT / each[1]).exists()] == []


def test_every_recipe_names_its_files() -> None:
    """At least two files of the code or its tests."""
    for page in DOCS.glob("develop/add-*.md"):
        files = set(re.findall(rf"`((?:{FOLDERS})/[\w./-]*\.(?:py|md))`", page.read_text("utf-8")))
        assert len(files) >= 2, page


def test_the_architecture_s_layers_are_those_of_the_import_contract() -> None:
    """From top to bottom."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    framework = next(each for each in contracts if each.get("containers") == ["sweep"])
    blocks = [text.splitlines() for _, text in BLOCK.findall(PAGES["docs/develop/architecture.md"])]

    assert framework["layers"] in blocks


COMMANDS = [
    (page, command.split("#", maxsplit=1)[0].split())
    for page, text in PAGES.items()
    for language, block in BLOCK.findall(text)
    if not language
    for command in block.replace("\\\n", " ").splitlines()
    if command.startswith(("lorasweep ", "make "))
]


@pytest.mark.parametrize(("page", "words"), COMMANDS)
def test_a_command_of_the_pages_is_valid(page: str, words: list[str]) -> None:
    """For the command or the Makefile."""
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text("utf-8")
        assert re.search(rf"^{words[1]}:", makefile, flags=re.MULTILINE), page
    else:
        assert parse(words[1:]).verb.__name__ in words[1:3], page


def test_the_study_of_the_guide_is_valid() -> None:
    """Its code runs."""
    blocks = BLOCK.findall(PAGES["docs/guides/write-a-study.md"])
    study, claims = (text for language, text in blocks if language == "python")
    names: dict[str, object] = {}
    exec(study + claims, names)  # noqa: S102 - our own page

    assert isinstance(names["STUDY"], StudySpec)


def test_the_site_is_built_without_a_warning_and_loads_nothing_from_a_network(
    tmp_path: Path,
) -> None:
    """Scripts, styles and images are in the site."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    pages = [path.read_text("utf-8") for path in tmp_path.rglob("*.html")]
    assert len(pages) >= len(PAGES)
    remote = r"""(?:\bsrc=|<link[^>]*\bhref=)["']?(?:https?:)?//[^"'> ]*"""
    assert [found for page in pages for found in re.findall(remote, page)] == []
