"""What of plotly goes into files."""

from __future__ import annotations

import html
import json
from functools import cache

from plotly.offline import get_plotlyjs

from sweep.report.figures import CONFIG, Drawn

HEIGHT = 500
"""Of a figure that does not say, in CSS pixels."""


@cache
def library() -> str:
    """plotly.js, minified."""
    return str(get_plotlyjs())


def standalone(drawn: Drawn) -> str:
    """A figure as a page of its own, beside ``plotly.min.js``."""
    spec = json.dumps(drawn.figure, allow_nan=False).replace("<", "\\u003c")
    config = json.dumps(dict(CONFIG))
    height = (drawn.figure or {})["layout"].get("height", HEIGHT)
    title, caption = html.escape(drawn.title), html.escape(drawn.caption)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font: 16px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 60rem; \
padding: 0 1rem }}</style>
<h1>{title}</h1>
<div id="figure" style="height: {height}px"></div>
<p>{caption}</p>
<script src="plotly.min.js"></script>
<script>
const figure = {spec};
Plotly.newPlot("figure", figure.data, figure.layout, {config});
</script>
</html>
"""
