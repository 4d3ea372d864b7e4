"""Content Security Policy and escaping for the report page."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from markupsafe import Markup


def policy(scripts: Iterable[str], *, live: bool) -> str:
    """The page's Content-Security-Policy: no external requests, only the given scripts run.

    Scripts are allowed by their hashes, so that text of a study could not run even if it were not
    escaped. Inline styles are allowed, since Plotly sets style attributes.

    Args:
        scripts: sources of the inline scripts.
        live: whether requests to the page's own server are allowed.
    """
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    allowed = [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
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
    """JSON for a ``<script type="application/json">``, escaped so that it cannot end the element.

    Raises:
        ValueError: if a number is NaN or infinite.
    """
    text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - every character that means something to HTML is gone


def inline_script(text: str) -> Markup:
    """Trusted source text to inline in a ``<script>`` or ``<style>`` element.

    Raises:
        ValueError: if it contains a sequence that would end the element.
    """
    if re.search(r"</(script|style)|<!--", text, re.IGNORECASE):
        raise ValueError("an inlined script must not hold the end of its element.")
    return Markup(text.replace("\r\n", "\n"))  # noqa: S704 - trusted, and checked
