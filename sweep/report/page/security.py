"""What keeps a page from asking for anything, and from running what is not its own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup


def policy(scripts: Iterable[str], *, live: bool) -> str:
    """The page's Content-Security-Policy: no request leaves it, and only its own scripts run.

    Scripts are allowed by their digests, so that text of a study that slipped through every
    escape still would not run. Plotly sets style attributes, which have no digests.

    Args:
        scripts: texts of the inline scripts.
        live: whether the page's server may be asked for news and for plotly.js.
    """
    allowed = [f"'sha256-{_digest(script)}'" for script in scripts]
    rules = {
        "default-src": "'none'",
        "script-src": " ".join((["'self'"] if live else []) + allowed) or "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data: blob:",
        "connect-src": "'self'" if live else "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


def json_script(tree: Any) -> Markup:
    """JSON for a ``<script type="application/json">``, which no string in it can end.

    Raises:
        ValueError: if a number is NaN or infinite.
    """
    text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - every character that means something to HTML is gone


def inline_script(text: str) -> Markup:
    """Text of our own, or of plotly.js, to stand in a ``<script>`` or ``<style>`` as it is.

    Raises:
        ValueError: if it holds what would end the element.
    """
    if re.search(r"</(script|style)|<!--", text, re.IGNORECASE):
        raise ValueError("an inlined script must not hold the end of its element.")
    return Markup(text.replace("\r\n", "\n"))  # noqa: S704 - trusted, and checked


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
