"""Report pages for tests: a real study with hostile names, and parts that it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import numpy as np
import optuna
from report_trees import best as best_trial
from report_trees import trial

from objectives.metrics.binary_measures import MEASURES
from sweep.report.tree.build import report_tree
from sweep.results.analysis import AnalysisOptions
from sweep.storage.url import StorageUrl

Tree = dict[str, Any]

EVIL = "<script>document.title='taken'</script>"
"""A name that would run as a script if it were not escaped."""

ERROR = "</pre></code></script><img src=x onerror=\"document.title='taken'\"> & <!-- 'so' \u2028"
"""An error message that would end any HTML element or script around it."""


def hostile() -> Tree:
    """The report tree of a real study whose names and errors contain HTML, with a claim."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name=f"{EVIL} & co",
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=1),
    )
    rng = np.random.default_rng(0)

    def objective(trial: optuna.Trial) -> float:
        kind = trial.suggest_categorical("kind", [EVIL, "a&amp;b", "%{x}<br>"])
        depth = trial.suggest_int("depth", 1, 4)
        trial.suggest_float(EVIL, 1e-4, 1e-1, log=True)
        for step in range(3):
            trial.report(0.1 * step, step)
        if trial.number % 24 == 5:
            raise ValueError(ERROR)
        return 0.2 * len(kind) / len(EVIL) + 0.01 * depth + float(rng.normal(0, 0.01))

    study.optimize(objective, n_trials=48, catch=(ValueError,))
    claim = {"dominant": "kind", "over": ("depth",), "negligible": ("depth",), "nuisances": ()}
    return report_tree(
        study, StorageUrl.parse("sqlite:///hostile.db"), AnalysisOptions(changes=claim, quick=True)
    )


def furnished(tree: Tree) -> Tree:
    """The same with parts that only a study of adapters on a design has."""
    first = tree["trials"][0]
    failed = {
        "number": first["number"],
        "reason": f"exception: ValueError: {ERROR.splitlines()[0]}",
        "kind": "ValueError",
        "message": ERROR,
        "interrupted": False,
        "traceback": f"Traceback (most recent call last):\n  File x, line 3\nValueError: {ERROR}\n",
        "shown": first["shown"],
    }
    config = {
        "task_type": "TOKEN_CLS",
        "r": 8,
        "lora_alpha": 16,
        "lora_dropout": 0.05,
        "target_modules": [f"esm.encoder.layer.{i}.attention.self.query" for i in range(6)],
        "use_rslora": False,
    }
    figures = {"mcc": 0.4127, "recall": 0.6213, "roc_auc": 0.9134, "positives": 1140}
    best = best_trial(trial(6)) | {
        "number": tree["best"]["number"],
        "value": tree["best"]["value"],
        "params": tree["best"]["params"],
        "shown": tree["best"]["shown"],
        "metrics": {"mcc": 0.4611, "roc_auc": 0.9312, "degenerate": False, "tokens": 15310},
        "per_ligand": {EVIL: figures, "ZN": figures | {"mcc": -0.0312, "roc_auc": None}},
        "lora_config": config,
        "adapter": "runs/<b>/adapter",
    }
    place = {"at": {"depth": 2.0}, "low": {"depth": 1.0}, "high": {"depth": 3.5}}
    value = {"value": 0.2312, "value_low": 0.2213, "value_high": 0.2411, "average": 0.2107}
    analysis = tree["analysis"]
    pair = analysis["claims"][0]["parameters"][0] | {"of": ["kind", "depth"]}
    claim = analysis["claims"][0] | {
        "interactions": [
            pair | {"name": "kind:depth", "p_value": 0.01},
            pair | {"name": "kind:other", "p_value": 0.31},
        ],
        "best": [{"choice": EVIL, **place, **value}],
        "only_at": ["depth"],
        "trials_needed": 162,
        "seed_noise": {"sd": 0.0093, "low": 0.0071, "high": 0.0152, "df": 12},
        "cross_checks": [
            {"name": name, "question": f"is it {EVIL}?", "passes": passes, "veto": True}
            | {"says": "probability 0.41", "figures": {}}
            for name, passes in (("fANOVA", True), ("ranks", False), ("halves", None))
        ],
    }
    confirmed = analysis["claims"][0] | {"verdict": "CONFIRMED", "reason": "Dominance holds."}
    split = {"chains": 341, "positives": 1637, "lengths": {"min": 60, "median": 84.0}}
    fanova = analysis["methods"][0]
    chances = [{"share": 0.4, "null": 0.3}, {"share": 0.2, "null": 0.3}]
    compared = [row | chance for row, chance in zip(fanova["rows"], chances, strict=False)]
    pairs = [
        compared[0] | {"name": name, "role": "interaction", "of": ["kind", "depth"], "share": share}
        for name, share in (("kind:depth", 0.31), ("depth:kind", 0.29))
    ]
    tables = [fanova | {"rows": [*compared, *pairs]}, *analysis["methods"][1:]]
    attributes = {
        "claims": [claim, confirmed],
        "alarms": [f"They differ: {EVIL}"],
        "methods": tables,
    }
    measured = {"phase": "measure", "size": 30720, "gap": -0.0213}
    return tree | {
        "measures": MEASURES.to_json(),
        "analysis": analysis | attributes,
        "trials": [
            t | measured | {"seconds": 8.37 * 3.1 ** (t["number"] % 8)} for t in tree["trials"]
        ],
        "cannot": [f"Nothing can be said of {EVIL}."],
        "best": best,
        "failures": [failed, *tree["failures"]],
        "fixed": {"epochs": 3, "learning_rate": 5e-3, "schedule": "cosine", "threads": None},
        "baselines": [{"name": "head only", "value": 0.1906, "seed": 0}],
        "baseline_means": [
            {"name": EVIL, "mean": 0.1906, "n": 1, "ahead": 0.0271},
            {"name": "head only", "mean": 0.2602, "n": 2, "ahead": -0.0425},
        ],
        "final_test": {
            "number": best["number"],
            "validation_value": 0.4611,
            "metrics": {"test_mcc": 0.4412, "test_per_ligand": {"ZN": figures}},
        },
        "data": {
            "residues": 44034,
            "splits": {"train": split, "test": split | {"chains": 120}},
            "ligands": {"ZN": 760, EVIL: 3},
            "dropped": list(range(300, 340)),
            "sources": [{"file": "a.txt", "ligand": EVIL}, {"file": "b.txt", "ligand": "ZN"}],
        },
        "base": {"name": "builtin:esm2-mini", "parameters": 1194112, "revision": None},
        "engine": {"compute_dtype": "float32", "bfloat16_speed": 11.3},
        "versions": {"torch": "2.13.0+cpu"},
        "fingerprints": {"data": "9fa9396c637db5a0"},
        "inputs": {"data": EVIL},
        "history": [
            {"when": "2026-03-02T10:00:00+00:00", "changes": [f"claim {EVIL}"], "n_complete": 5},
            {"when": "2026-03-03T10:00:00+00:00", "changes": ["rank: 32 added"], "n_trials": 9},
        ],
    }


@dataclass
class Element:
    """An element of a parsed page.

    Attributes:
        tag: its name.
        attributes: values by name; None without a value.
        children: elements and texts, in order.
    """

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text within, including scripts and styles."""
        return "".join(c if isinstance(c, str) else c.text for c in self.children)

    def walk(self) -> Iterator[Element]:
        """This element and its descendants, in order."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def having(self, attribute: str) -> list[Element]:
        """Descendants with an attribute."""
        return [each for each in self.walk() if attribute in each.attributes]

    def all(self, tag: str) -> list[Element]:
        """Descendants with a tag."""
        return [each for each in self.walk() if each.tag == tag]

    def get(self, id_: str) -> Element:
        """The descendant with an id."""
        [found] = [each for each in self.walk() if each.attributes.get("id") == id_]
        return found


VOID = frozenset(["br", "hr", "img", "input", "link", "meta", "circle", "path"])
"""Elements without an end tag; SVG elements close themselves."""


class _Reader(HTMLParser):
    """A strict HTML parser; elements closed out of order are an error."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in {tag}: {names}"
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> ends {self._open[-1].tag}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def parsed(html: str) -> Element:
    """A page as a tree of elements, strictly parsed."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader._open == [reader.root]
    return reader.root


def resolve(tree: Any, pointer: str) -> Any:
    """The value at a JSON pointer (RFC 6901)."""
    found = tree
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        found = found[int(key)] if isinstance(found, list | tuple) else found[key]
    return found


def is_rounding(shown: str, value: float | bool) -> bool:  # noqa: FBT001 - of JSON
    """Whether a text is a number rounded to the digits that it shows."""
    if isinstance(value, bool):
        return shown == ("yes" if value else "no")
    text = shown.replace("\u2212", "-").replace(",", "").replace("\xa0", " ")
    parts = re.fullmatch(r"(?:(\d+) h )?(?:(\d+) min)?(?: ?(\d+(?:\.\d)?) s)?", text)
    if parts and text:
        h, m, s = (float(part or 0) for part in parts.groups())
        return abs(3600 * h + 60 * m + s - value) <= (60 if h else 0.5)
    number, percent = re.fullmatch(r"([-+]?[\d.]+(?:e[-+]?\d+)?)( %)?", text).groups()  # type: ignore[union-attr]
    mantissa, _, exponent = number.partition("e")
    places = len(mantissa.partition(".")[2])
    half = 0.5 * 10.0 ** (int(exponent or 0) - places)
    shown_value, scale = float(number), 100.0 if percent else 1.0
    return abs(shown_value - scale * value) <= half * (1 + 1e-9)


def whole(tree: Tree) -> Tree:
    """A handmade tree of ``report_trees`` with the parts that figures do not read."""
    nothing: Tree = {
        "lorasweep": "0.1.0",
        "fixed": {},
        "space": [],
        "final_test": None,
        "data": None,
        "base": None,
        "engine": None,
        "versions": {},
        "fingerprints": {},
        "inputs": {},
        "history": [],
        "commands": [],
    }
    study: Tree = {"storage": "sqlite:///x.db", "objective": None, "seeds": [], "driver": None}
    study |= {"target_trials": None, "created": None}
    counts = {"collapsed": 0, "reused": 0, "spared": 0}
    return {
        **nothing,
        **tree,
        "study": study | tree["study"],
        "counts": counts | tree["counts"],
    }
