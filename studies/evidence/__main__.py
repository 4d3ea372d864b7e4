"""The command: ``python -m studies.evidence``, or with ``pages`` the documents alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from studies.evidence.numbers import NUMBERS, numbers
from studies.evidence.pages import PAGES, out_argument, out_folder, page


def main(arguments: Sequence[str]) -> int:
    """Work out the numbers and write the documents; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.evidence",
        description="Numbers and documents of the studies, from their databases.",
    )
    parser.add_argument(
        "only", choices=["pages"], nargs="?", help="the documents, from the numbers that are there"
    )
    out_argument(parser, "their places in a checkout")
    options = parser.parse_args(arguments)
    folder = out_folder(parser, options)
    if folder is None:
        written, places = NUMBERS, dict(PAGES)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        written = folder / NUMBERS.name
        places = {template: folder / path.name for template, path in PAGES.items()}
    if options.only is None:
        text = json.dumps(numbers(), indent=1, sort_keys=True, ensure_ascii=False)
        written.write_text(text + "\n", encoding="utf-8")
        print(f"wrote {written}")
    found = json.loads((written if written.is_file() else NUMBERS).read_text(encoding="utf-8"))
    for template, path in places.items():
        path.write_text(page(template, found), encoding="utf-8")
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
