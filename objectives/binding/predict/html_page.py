"""Render the prediction of one chain as an HTML page."""

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

from objectives.binding.predict.stream import Prediction

LIGHT = (
    *("#f4f8fc", "#e2edf7", "#cee0f0", "#b2d0e8", "#8fbddd"),
    *("#69a7d0", "#478fc1", "#2c76ae", "#175c96", "#08417a"),
)
"""Background colours of the light scheme, from the lowest probability to the highest."""

DARK = (
    *("#171d25", "#172a3d", "#173955", "#184a6f", "#1c5d8b"),
    *("#2c74a7", "#4a8dbf", "#70a8d4", "#9dc4e6", "#d0e4f7"),
)
"""Background colours of the dark scheme, from the lowest probability to the highest."""

STEPS = len(LIGHT)
_INKS = ("#000000", "#ffffff")


def step(probability: float) -> int:
    """The step of the colour scale for a probability from 0 to 1; a border is in the upper."""
    return min(int(probability * STEPS), STEPS - 1)


def ink(background: str) -> str:
    """Black or white text, whichever contrasts more with a background; at least 4.58 : 1."""
    return max(_INKS, key=lambda colour: contrast(colour, background))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, 0 to 1, as WCAG 2.2 defines it."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def css() -> str:
    """CSS classes of the steps, ``p0`` to ``p9``."""
    rules = []
    for number, (light, dark) in enumerate(zip(LIGHT, DARK, strict=True)):
        background = f"background: light-dark({light}, {dark})"
        colour = f"color: light-dark({ink(light)}, {ink(dark)})"
        rules.append(f".p{number} {{ {background}; {colour}; }}")
    return "\n".join(rules)


BLOCK = 10  # residues in one block of a printed sequence


@dataclass(frozen=True)
class About:
    """How a prediction was made, for the page."""

    facts: Mapping[str, str]  # name to text, such as the adapter and the base, in order
    threshold_from: str  # where the threshold comes from, as text


def draw(prediction: Prediction, about: About) -> str:
    """The page: residues coloured by their probability, and a table of called stretches.

    Its content security policy blocks external resources and foreign scripts; text is escaped.

    Returns:
        HTML5, to be written as UTF-8.
    """
    style = "\n".join((_asset("chain.css"), css()))
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
            steps=STEPS,
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
            "step": step(probability),
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
    """A probability with three decimals, or ``<0.001`` or ``>0.999`` instead of 0 or 1."""
    if probability < 0.0005:
        return "<0.001"
    return ">0.999" if probability >= 0.9995 else f"{probability:.3f}"


def printable(text: str) -> str:
    """Text with U+FFFD in place of each unprintable character."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


@cache
def _environment() -> Environment:
    """The Jinja environment: escapes values, and raises for undefined names."""
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
    """The content security policy: no requests, no styles or scripts but those given."""
    return f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
