"""A real HTTP server of files with injectable faults."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Files:
    """What is served, and its faults.

    Attributes:
        root: the folder.
        cut: bytes of a body after which the connection breaks, once for each item.
        errors: statuses to answer with, once for each item.
        stop_after: bytes of a body after which the server waits for ``go_on``.
        stopped: set when it waits.
        asked: requested paths so far.
    """

    root: Path
    cut: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    stop_after: int | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def serving(root: Path) -> Iterator[Files]:
    """Serve a folder on this machine."""
    files = Files(root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, files)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """No log output."""

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
    """Send a file, or fail as configured."""
    name = handler.path.lstrip("/")
    files.asked.append(name)
    if files.errors:
        handler.send_error(files.errors.pop(0))
        return
    if not (files.root / name).is_file():
        handler.send_error(404)
        return
    body = (files.root / name).read_bytes()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if files.stop_after:
        handler.wfile.write(body[: files.stop_after])
        handler.wfile.flush()
        files.stopped.set()
        files.go_on.wait(60)
        return
    handler.wfile.write(body[: files.cut.pop(0)] if files.cut else body)
