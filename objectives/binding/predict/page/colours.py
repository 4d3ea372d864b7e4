"""The scale of probabilities: ten steps of one hue, told apart by lightness alone.

A single hue of steadily changing lightness reads the same under every colour-vision deficiency
and in grey (Crameri et al. 2020, doi:10.1038/s41467-020-19160-7). On light paper a high
probability is dark, on dark paper it is light, so that it always stands out.
"""

from __future__ import annotations

LIGHT = (
    *("#f4f8fc", "#e2edf7", "#cee0f0", "#b2d0e8", "#8fbddd"),
    *("#69a7d0", "#478fc1", "#2c76ae", "#175c96", "#08417a"),
)
"""Backgrounds on light paper, from the lowest probability on."""

DARK = (
    *("#171d25", "#172a3d", "#173955", "#184a6f", "#1c5d8b"),
    *("#2c74a7", "#4a8dbf", "#70a8d4", "#9dc4e6", "#d0e4f7"),
)
"""The same on dark paper."""

STEPS = len(LIGHT)
_INKS = ("#000000", "#ffffff")


def step(probability: float) -> int:
    """Which step of the scale a probability from 0 to 1 has; a border belongs to the upper."""
    return min(int(probability * STEPS), STEPS - 1)


def ink(background: str) -> str:
    """Black or white, whichever is read more easily on a colour: one always has 4.58 : 1."""
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
    """A class for each step, ``p0`` to ``p9``."""
    rules = []
    for number, (light, dark) in enumerate(zip(LIGHT, DARK, strict=True)):
        background = f"background: light-dark({light}, {dark})"
        colour = f"color: light-dark({ink(light)}, {ink(dark)})"
        rules.append(f".p{number} {{ {background}; {colour}; }}")
    return "\n".join(rules)
