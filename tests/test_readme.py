"""The README agrees with the project."""

import re
import tomllib
from pathlib import Path

import pytest

from sweep import StudySpec
from sweep.cli.main import parse

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, flags=re.DOTALL)


def test_every_link_has_a_target() -> None:
    """Relative links name files or folders of the project."""
    links = re.findall(r"\]\(([^)#]+)\)", README)
    relative = [link for link in links if "://" not in link]

    assert len(relative) >= 8
    assert [link for link in relative if not (ROOT / link).exists()] == []


def test_the_readme_is_short_and_begins_with_two_commands_and_a_verdict() -> None:
    """The first screen has the image, the commands to try it, and their result."""
    first = README.splitlines()[:40]

    assert len(README.splitlines()) < 150
    assert any(line.startswith("![") for line in first[:8])
    assert [line.split("#")[0].strip() for line in first if line.startswith("make ")] == [
        "make demo",
        "make test",
    ]
    assert any(re.match(r"verdict +(CONFIRMED|REFUTED|INCONCLUSIVE)$", line) for line in first)


def test_the_map_names_every_package() -> None:
    """Of the framework and of the objectives, and no other."""
    named = set(re.findall(r"^  (\w+)/ ", README, flags=re.MULTILINE))
    packages = {
        path.parent.name
        for top in ("sweep", "objectives")
        for path in (ROOT / top).glob("*/__init__.py")
    }

    assert named == packages


def test_the_study_in_the_readme_is_valid() -> None:
    """Its code runs."""
    code = next(text for language, text in BLOCKS if language == "python")
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - our own README

    assert isinstance(names["STUDY"], StudySpec)


@pytest.mark.parametrize(
    "command",
    [
        line
        for _, text in BLOCKS
        for line in text.splitlines()
        if line.startswith(("lorasweep ", "make "))
    ],
)
def test_every_command_is_valid(command: str) -> None:
    """For the command or the Makefile."""
    words = command.split("#", maxsplit=1)[0].split()
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    else:
        assert parse(words[1:]).verb.__name__ in words[1:3]


def test_what_ci_installs_satisfies_the_declared_ranges() -> None:
    """Every dependency is pinned in constraints.txt, so that CI cannot drift."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }

    assert [w for w in wanted if re.split(r"[<>=!~[]", w)[0].lower() not in pinned] == []
