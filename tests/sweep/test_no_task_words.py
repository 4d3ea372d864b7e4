"""The framework has no words of a task: an objective describes its own measurements."""

from __future__ import annotations

from pathlib import Path

from task_words import WORDS

SWEEP = Path(__file__).resolve().parents[2] / "sweep"
KINDS = {".py", ".html", ".j2", ".js", ".css", ".json", ".txt"}

NAMES_ON_DISK = ("objectives.binding.objective:BindingObjective",)
"""Names stored in databases, by which lorasweep's own objectives are trusted."""


def test_sweep_outside_its_command_has_no_word_of_a_task() -> None:
    """Identifiers, texts and docstrings; ``sweep/cli`` may name lorasweep's own objectives."""
    found = []
    files = [p for p in sorted(SWEEP.rglob("*")) if p.suffix in KINDS]
    read = [p for p in files if p.relative_to(SWEEP).parts[0] != "cli"]
    for path in read:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            for name in NAMES_ON_DISK:
                line = line.replace(name, "")  # noqa: PLW2901 - what is left of it
            found += [f"{path.relative_to(SWEEP)}:{number}: {m[0]}" for m in WORDS.finditer(line)]

    assert len(read) > 150
    assert found == []
