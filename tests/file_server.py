"""A real HTTP server of files, with ranges, that can be told to fail."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Files:
    """What is served, and how.

    Attributes:
        root: the folder.
        cut: bytes of a body after which the connection breaks, once for each item.
        errors: statuses to answer with, once for each item.
        ranges: whether ranges are understood.
        asked: paths and ranges of the requests so far.
    """

    root: Path
    cut: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    ranges: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(root: Path) -> Iterator[Files]:
    """Serve a folder on this machine."""
    files = Files(root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, files)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        files.url = f"http://127.0.0.1:{server.server_address[1]}/"
        try:
            yield files
        finally:
            server.shutdown()
            thread.join()


def answer(handler: BaseHTTPRequestHandler, files: Files) -> None:
    """Send a file, or the rest of it, or what it is told to."""
    wanted = handler.headers.get("Range", "")
    files.asked.append((handler.path.lstrip("/"), wanted))
    path = files.root / handler.path.lstrip("/")
    if files.errors:
        handler.send_error(files.errors.pop(0))
        return
    if not path.is_file():
        handler.send_error(404)
        return
    body = path.read_bytes()
    found = re.fullmatch(r"bytes=(\d+)-", wanted) if files.ranges else None
    start = int(found[1]) if found else 0
    if found and start >= len(body):
        handler.send_error(416)
        return
    handler.send_response(206 if found else 200)
    if found:
        handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
    handler.send_header("Content-Length", str(len(body) - start))
    handler.end_headers()
    handler.wfile.write(body[start : start + files.cut.pop(0)] if files.cut else body[start:])
