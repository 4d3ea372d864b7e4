"""Every number and every sentence on the page is from the report."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from report_pages import Element, Tree, furnished, is_rounding, parsed, resolve

from sweep.report.page.page import page
from sweep.report.page.pointer import JsonPointerNode, entries, maybe, plain, pointer

Shown = Any

OURS = ("data-at", "data-key", "data-prose", "data-factor", "data-lora", "data-count", "data-rows")
"""Attributes that name the source of a text."""


def test_every_number_is_exact_in_its_attribute_and_rounded_in_its_text(any_page: Shown) -> None:
    """``value`` is the report's number, and the text is its rounding."""
    numbers = [each for each in any_page.root.all("data") if "data-at" in each.attributes]
    assert numbers

    for each in numbers:
        exact = resolve(any_page.tree, str(each.attributes["data-at"]))
        assert json.loads(str(each.attributes["value"])) == exact
        assert is_rounding(each.text, exact), each


def test_every_sentence_is_the_report_s(any_page: Shown) -> None:
    """Reasons, names, errors and times, in full."""
    root, tree = any_page.root, any_page.tree
    for each in root.having("data-at"):
        resolved = resolve(tree, str(each.attributes["data-at"]))
        if each.tag == "time":
            assert each.attributes["datetime"] == resolved
            moment = datetime.fromisoformat(resolved)
            assert each.text == f"{moment.day} {moment:%b %Y, %H:%M} UTC"
        elif each.tag != "data":
            assert each.text == resolved
    for each in root.having("data-key"):
        place, _, key = str(each.attributes["data-key"]).rpartition("/")
        key = key.replace("~1", "/").replace("~0", "~")
        assert key in resolve(tree, place)
    for each in root.having("data-factor"):
        assert each.text in {name for trial in tree["trials"] for name in trial["shown"]}


def test_figures_have_their_own_texts(any_page: Shown) -> None:
    """Titles, captions, and summaries; or the reason why a figure is missing."""
    drawn = {each.key: each for each in any_page.drawn}
    prose = any_page.root.having("data-prose")
    covered = set()
    for each in prose:
        key, _, part = str(each.attributes["data-prose"]).rpartition(".")
        assert each.text == getattr(drawn[key], part)
        covered.add((key, part))

    assert {key for key, part in covered if part == "title"} == set(drawn)
    assert {key for key, part in covered if part == "empty"} == {
        key for key, each in drawn.items() if each.figure is None
    }
    assert {key for key, part in covered if part == "summary"} == {
        key for key, each in drawn.items() if each.figure is not None and each.summary
    }


def test_lists_are_counted(any_page: Shown) -> None:
    """Their length, and the number of rows on the page."""
    for each in any_page.root.having("data-count"):
        resolved = resolve(any_page.tree, str(each.attributes["data-count"]))
        assert json.loads(str(each.attributes["value"])) == len(resolved)
    for each in any_page.root.having("data-rows"):
        rows = any_page.root.get(str(each.attributes["data-rows"]))
        assert each.attributes["value"] == str(len(rows.all("tr")) - 1 or len(rows.all("li")))


def test_there_is_no_other_number(any_page: Shown) -> None:
    """No digit without a source attribute; the page's title is the study's name."""
    [body] = any_page.root.all("body")
    assert not re.findall(r".{0,40}\d.{0,40}", _unmarked(body))


@pytest.mark.parametrize("break_it", ["<p>about 7 trials</p>", "<p>Trial\u0663</p>"])
def test_a_number_without_a_source_would_be_found(rich: Shown, break_it: str) -> None:
    """So the test above can fail."""
    spoilt = parsed(rich.html.replace("</main>", f"{break_it}</main>"))
    [body] = spoilt.all("body")
    assert re.findall(r"\d", _unmarked(body))


def _unmarked(element: Element) -> str:
    """The text of the templates."""
    marked = any(name in element.attributes for name in OURS)
    if marked or element.tag in ("script", "style", "svg"):
        return ""
    return "".join(c if isinstance(c, str) else _unmarked(c) for c in element.children)


def test_a_sentence_describes_each_effect(rich: Shown) -> None:
    """Each parameter of the claim with share, standard deviation, their intervals and the noise."""
    claim = rich.tree["analysis"]["claims"][0]
    shown = [
        [str(e.attributes["data-at"]).rpartition("/")[2] for e in p.having("data-at")]
        for part in rich.root.get("claim-0").walk()
        if part.attributes.get("class") == "sentences"
        for p in part.all("p")
    ]
    wanted = [
        "name",
        "share",
        "level",
        "low",
        "high",
        "sigma",
        "sigma_low",
        "sigma_high",
        "value_name",
        "noise_floor",
    ]
    assert shown == [wanted] * len(shown)
    assert len(shown) == len([claim["claim"]["dominant"], *claim["claim"]["over"]])


def test_pairs_beyond_noise_are_shown(rich: Shown) -> None:
    """After parameters and groups; the same in the table of other methods."""
    claim = rich.tree["analysis"]["claims"][0]
    effects = [*claim["parameters"], *claim["groups"], claim["interactions"][0]]
    rows = rich.root.get("claim-0-effects").all("tbody")[0].all("tr")
    assert [row.all("th")[0].text for row in rows] == [effect["name"] for effect in effects]

    shares = rich.root.get("shares").all("tbody")[0].all("tr")
    names = [row.all("th")[0].text for row in shares]
    assert "kind:depth interaction" in names
    assert "depth:kind interaction" not in names
    strong = ["strong" in str(row.all("td")[0].attributes["class"]) for row in shares[:2]]
    assert strong == [True, False]  # above the null, and below


def test_the_lora_config_code_gives_the_report_s_values(rich: Shown) -> None:
    """``LoraConfig(...)`` with the arguments and their values."""
    [code] = rich.root.having("data-lora")
    module = ast.parse(code.text)
    call = module.body[-1]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert ast.unparse(call.value.func) == "LoraConfig"
    found = {str(k.arg): ast.literal_eval(k.value) for k in call.value.keywords}
    assert found == rich.tree["best"]["lora_config"]
    assert ast.unparse(module.body[0]) == "from peft import LoraConfig"
    assert max(map(len, code.text.splitlines())) <= 80


PARTS: dict[str, Callable[[Tree], list[str]]] = {
    "claims": lambda t: [
        f"/analysis/claims/{i}/{key}"
        for i in range(len(t["analysis"]["claims"]))
        for key in ("verdict", "reason", "claim/says", "claim/delta", "claim/kappa")
    ],
    "effects": lambda t: [
        f"/analysis/claims/0/parameters/{i}/{key}"
        for i in range(len(t["analysis"]["claims"][0]["parameters"]))
        for key in ("name", "share", "low", "high", "sigma", "sigma_low", "noise_floor")
    ],
    "parts": lambda t: [
        f"/analysis/claims/0/parts/{i}/{key}"
        for i in range(len(t["analysis"]["claims"][0]["parts"]))
        for key in ("name", "view", "state", "probability", "says")
    ],
    "checks": lambda _: [f"/analysis/claims/0/cross_checks/{i}/says" for i in range(3)],
    "places": lambda _: [f"/analysis/claims/0/best/0/{k}" for k in ("value", "at/depth")],
    "noise": lambda _: ["/analysis/claims/0/seed_noise/sd", "/analysis/claims/0/trials_needed"],
    "limits": lambda _: ["/cannot/0", "/analysis/alarms/0", "/analysis/claims/0/only_at/0"],
    "fixed": lambda _: ["/fixed/epochs", "/fixed/learning_rate", "/fixed/schedule"],
    "best": lambda _: ["/best/value", "/best/number", "/best/adapter", "/best/metrics/roc_auc"],
    "ligands": lambda _: ["/best/per_ligand/ZN/mcc", "/best/chosen/best/threshold"],
    "test": lambda _: ["/final_test/metrics/test_mcc"],
    "baselines": lambda _: ["/baseline_means/1/mean", "/baseline_means/1/ahead"],
    "failures": lambda _: ["/failures/0/reason", "/failures/0/traceback", "/failures/1/reason"],
    "data": lambda _: ["/data/splits/test/chains", "/data/splits/test/lengths/median"],
    "facts": lambda _: ["/base/parameters", "/engine/bfloat16_speed", "/fingerprints/data"],
    "changes": lambda _: ["/history/0/changes/0", "/history/1/n_trials", "/history/0/when"],
    "commands": lambda t: [f"/commands/{i}/command" for i in range(len(t["commands"]))],
    "trials": lambda t: [f"/trials/{n}/value" for n in t["ranking"]],
    "methods": lambda _: ["/analysis/methods/0/rows/0/share", "/analysis/methods/1/rows/0/high"],
}


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_the_report_is_shown(rich: Shown, part: str) -> None:
    """Each with its JSON pointer."""
    shown = {each.attributes["data-at"] for each in rich.root.having("data-at")}
    wanted = PARTS[part](rich.tree)
    assert wanted
    assert set(wanted) <= shown


KEYS = st.text("~/01a", max_size=3)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    )
)
def test_a_pointer_resolves_to_its_value(tree: Any) -> None:
    """For any keys: empty ones, with slashes and tildes, and numbers."""

    def check(node: JsonPointerNode) -> None:
        assert resolve(tree, pointer(node)) == plain(node)
        if isinstance(plain(node), dict):
            for _, child in entries(node):
                check(child)
        elif isinstance(plain(node), list):
            for child in node:
                check(child)

    check(JsonPointerNode(tree))


def test_a_missing_key_is_an_error_and_null_is_not(found: Tree) -> None:
    """A template cannot use a field that never exists."""
    node = JsonPointerNode({"a": None, "b": {"c": 0}})
    assert plain(node["a"]["x"]["y"]) is None
    assert plain(maybe(node["b"], "d")) is None
    assert node["b"]["c"]  # zero is shown
    with pytest.raises(KeyError, match="/b/d"):
        node["b"]["d"]
    short = {key: value for key, value in furnished(found).items() if key != "cannot"}
    with pytest.raises(UndefinedError, match="cannot"):
        page(short, [], plotly_js=None)
