"""Untrusted names, values and messages of a foreign study, in every output that shows them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial
from report_pages import parsed

from sweep.cli import main

WORDS = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "escapes": "\x1b[2J\x1b]0;title\x07\x9b31m\r\x08",
    "order": "a\u202egnp.exe\u2066\u200f",
    "nothing": "a\x00b\x7f",
    "formula": "=cmd|' /C calc'!A0",
    "markup": "[red]x[/red] :smile: [link=file:///x]y[/link]",
    "template": "{{ 7*7 }} {% x %} %{y} ${z} `id` $(id)",
    "line": "one\ntwo\u2028three\x85four\x0bfive",
}
"""Strings with a meaning for browsers, terminals, readers, C programs or spreadsheets."""


def hostile_study(url: str, word: str) -> None:
    """A study with such a string wherever a study has text, with lorasweep's attributes."""
    study = optuna.create_study(storage=url, study_name=f"s {word}", direction="maximize")
    space = {
        f"p {word}": CategoricalDistribution([f"one {word}", f"two {word}"]),
        "x": FloatDistribution(0, 1),
    }
    failure = {
        "reason": word, "kind": f"Kind {word}", "message": word, "traceback": f"line\n{word}\n",
    }  # fmt: skip
    for number in range(12):
        values = {f"p {word}": f"{('one', 'two')[number % 2]} {word}", "x": number / 12}
        failed = number == 11
        study.add_trial(
            create_trial(
                params=values,
                distributions=space,
                value=None if failed else number / 10,
                state=TrialState.FAIL if failed else TrialState.COMPLETE,
                user_attrs={
                    "seed": number,
                    "metrics": {f"m {word}": 0.5},
                    "details": {"modules": [word], "lora_config": {f"r {word}": word, "r": 8}},
                    **({"failure": failure} if failed else {}),
                },
            )
        )
    study.set_user_attr("command", f"lorasweep run {word}")
    study.set_user_attr(f"k {word}", word)


def obeyed(text: str) -> set[str]:
    """The control sequences in a text that a terminal would interpret."""
    return {c for c in text if not c.isprintable() and c != "\n"}


@pytest.mark.parametrize(
    "word",
    ["\n".join(WORDS.values()), *(pytest.param(w, marks=pytest.mark.slow) for w in WORDS.values())],
    ids=["all", *WORDS],
)
def test_untrusted_text_is_shown_and_never_interpreted(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the terminal, in the report, and in the exported trials."""
    url = f"sqlite:///{tmp_path}/study.db"
    hostile_study(url, word)
    for arguments in (
        ["status"],
        ["status", "--failed"],
        ["importance", "--quick"],
        ["adapters", "export", "--trial", "best", "--out", str(tmp_path / "adapter")],
        ["resume"],
    ):
        main([*arguments, "--storage", url])
        output = capsys.readouterr()
        assert obeyed(output.out) == obeyed(output.err) == set(), arguments
        assert "Traceback (most" not in output.err

    assert main(["status", "--json", "--storage", url]) == 0
    assert json.loads(capsys.readouterr().out)["study"] == f"s {word}"

    assert main(["report", "--quick", "--storage", url, "--out", str(tmp_path / "page")]) == 0
    assert obeyed(capsys.readouterr().out) == set()
    (html,) = (tmp_path / "page").glob("*.html")
    root = parsed(html.read_text(encoding="utf-8"))
    [main_part] = [each for body in root.all("body") for each in body.all("main")]
    assert not main_part.all("img")
    assert not [s for s in main_part.all("script") if s.attributes["type"] != "application/json"]
    assert not {"\u202e", "\u2066", "\u200f"} & set(html.read_text(encoding="utf-8"))
    tree = json.loads((tmp_path / "page" / "report.json").read_text(encoding="utf-8"))
    assert tree["study"]["name"] == f"s {word}"

    assert main(["export", "--storage", url, "--out", str(tmp_path / "trials.csv")]) == 0
    with (tmp_path / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
