"""A prediction as the text of its page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from objectives.binding.predict.page import colours
from objectives.binding.predict.stream import Prediction

BLOCK = 10
"""Residues that stand together, as sequences are printed."""


@dataclass(frozen=True)
class About:
    """What made a prediction.

    Attributes:
        facts: what to say of it, by its name, in order.
        threshold_from: whose the threshold is, in words.
    """

    facts: Mapping[str, str]
    threshold_from: str


def draw(prediction: Prediction, about: About) -> str:
    """The page: every residue on the colour of its probability, called stretches in a table.

    Nothing is loaded from elsewhere, and no script runs but the page's own: whatever a header
    holds is text.

    Returns:
        HTML5, to be written as UTF-8.
    """
    style = "\n".join((_asset("chain.css"), colours.css()))
    script = _asset("chain.js")
    return (
        _environment()
        .get_template("chain.html.j2")
        .render(
            record=prediction.record,
            called=int(prediction.called.sum()),
            threshold=f"{prediction.threshold:.4g}",
            about=about,
            blocks=_blocks(prediction),
            stretches=_stretches(prediction),
            steps=colours.STEPS,
            style=Markup(style),  # noqa: S704  # our own files
            script=Markup(script),  # noqa: S704
            policy=_policy(style, script),
            version=metadata.version("lorasweep"),
        )
    )


def _blocks(prediction: Prediction) -> list[dict[str, Any]]:
    residues = [
        {
            "letter": letter,
            "step": colours.step(probability),
            "called": called,
            "told": f"{letter} {position}, {shown(probability)}{', called' if called else ''}",
        }
        for position, (letter, probability, called) in enumerate(
            zip(
                prediction.record.sequence,
                prediction.probabilities.tolist(),
                prediction.called.tolist(),
                strict=True,
            ),
            start=1,
        )
    ]
    starts = range(1, len(residues) + 1, BLOCK)
    parts = [residues[start - 1 : start - 1 + BLOCK] for start in starts]
    return [{"start": start, "residues": part} for start, part in zip(starts, parts, strict=True)]


def _stretches(prediction: Prediction) -> list[dict[str, Any]]:
    found = []
    for first, last in prediction.stretches:
        held = prediction.probabilities[first - 1 : last]
        found.append(
            {
                "first": first,
                "last": last,
                "residues": prediction.record.sequence[first - 1 : last],
                "mean": shown(float(held.mean())),
                "highest": shown(float(held.max())),
            }
        )
    return found


def shown(probability: float) -> str:
    """A probability for people: three decimals, and no 0 or 1 that is none."""
    if probability < 0.0005:
        return "<0.001"
    return ">0.999" if probability >= 0.9995 else f"{probability:.3f}"


def printable(text: str) -> str:
    """Text without characters that nobody sees."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


@cache
def _environment() -> Environment:
    """Templates that escape what they are given, and refuse names that they do not know."""
    made = Environment(
        loader=PackageLoader("objectives.binding.predict.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["printable"] = printable
    return made


@cache
def _asset(name: str) -> str:
    folder = resources.files("objectives.binding.predict.page")
    return (folder / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _policy(style: str, script: str) -> str:
    """No request leaves the page, and no style or script counts but its own."""
    return f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
