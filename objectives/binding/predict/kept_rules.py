"""What must hold of the two records beside a kept adapter's weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from objectives.binding.rules import above, between, count, one_of
from objectives.data.shown import printable, shown
from sweep.errors import fault

COPY_AGAIN = "Copy the folder again from where the trial kept it"


@dataclass(frozen=True)
class Rule:
    """A rule of one entry.

    Attributes:
        name: of the entry.
        words: what it must be.
        holds: whether a value is that.
        default: of an entry that is not there.
    """

    name: str
    words: str
    holds: Callable[[object], bool]
    default: object = None


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _probability(value: object) -> bool:
    return value == 1 or between(0, 1)(value)


def _plain(name: str, value: object) -> Rule:
    """PEFT may say otherwise and a sweep never does; it would change the predictions."""
    return Rule(name, f"be {value!r}, as a sweep keeps it", lambda got: got == value, value)


RECORD = (
    Rule("base", "be the name of a base", _text),
    Rule(
        "fingerprints",
        "be an object that holds the base's",
        lambda got: isinstance(got, dict) and _text(got.get("base")),
    ),
    Rule("threshold", "be a probability", _probability),
    Rule("settings", "be an object", lambda got: isinstance(got, dict)),
    Rule("compute_dtype", "be the name of a dtype", _text),
    Rule("seed", "be a whole number of 0 or more", count(0)),
)
"""Of ``trial.json``."""

CONFIGURATION = (
    Rule("r", "be a whole number of 1 or more", count(1)),
    Rule("lora_alpha", "be a number above 0", above(0)),
    Rule("lora_dropout", "be a number from 0 to below 1", between(0, 1), 0.0),
    Rule("use_rslora", "be true or false", one_of(True, False), default=False),
    _plain("peft_type", "LORA"),
    _plain("use_dora", value=False),
    _plain("rank_pattern", {}),
    _plain("alpha_pattern", {}),
    _plain("bias", "none"),
)
"""Of ``adapter_config.json``."""


def broken_rules(tree: Mapping[str, Any], rules: Sequence[Rule], path: Path) -> list[str]:
    """Every broken rule, in words.

    Args:
        tree: what the file holds.
        rules: what it must hold.
        path: the file.
    """
    return [
        fault(
            f"{path.name}: {rule.name}",
            rule.words,
            shown(tree.get(rule.name)),
            where=printable(str(path.parent)),
            way_out=COPY_AGAIN,
        )
        for rule in rules
        if not rule.holds(tree.get(rule.name, rule.default))
    ]
