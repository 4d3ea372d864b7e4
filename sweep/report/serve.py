"""HTTP server for a live report, on the loopback interface, that follows a running study.

Why the standard library's server: a page and its data need no web framework.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

import optuna

from sweep.errors import StorageError, UsageError, fault
from sweep.report.figures.kinds import draw
from sweep.report.page.page import fragment, page
from sweep.report.tree.build import report_tree
from sweep.report.write import library
from sweep.results.analysis import AnalysisOptions
from sweep.results.status import OwnObjectives, driver_of
from sweep.storage.errors import storage_errors
from sweep.storage.url import StorageUrl

HOST = "127.0.0.1"
"""Loopback interface only, since a report contains file paths and error messages."""

_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
"""Accepted ``Host`` headers."""

PATIENCE_SECONDS = 30.0
"""Socket timeout of a client connection."""

EVERY_SECONDS = 2.0
"""Interval of checks whether the study has changed."""

REST = 4.0
"""Pause after a refresh, as a multiple of its duration, to leave CPU time to the sweep."""

log = logging.getLogger("lorasweep")

Tree = Mapping[str, Any]


def ours(hosts: Sequence[str], origins: Sequence[str]) -> bool:
    """Whether a request is same-origin, to reject DNS rebinding and cross-site requests.

    A page of another site can make its own host name resolve to this server, and can send writes
    to any address. The browser sets ``Host`` to the requested name and, for every write,
    ``Origin`` to the site of the page.

    Args:
        hosts: the ``Host`` headers; there must be exactly one.
        origins: the ``Origin`` headers; may be empty.
    """
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return False
    return all(origin.lower() == f"http://{hosts[0]}".lower() for origin in origins)


@dataclass(frozen=True)
class ReportVersion:
    """A rendered report of the study's state at one time.

    Attributes:
        version: hash of the report tree.
        running: whether a driver is running the study.
        whole: the HTML page.
        main: the content of its ``<main>`` element, which changes between versions.
        numbers: the report tree as JSON.
    """

    version: str
    running: bool
    whole: bytes
    main: bytes
    numbers: bytes

    @classmethod
    def of(cls, tree: Tree) -> ReportVersion:
        """Render a report tree."""
        drawn = draw(tree)
        numbers = json.dumps(tree, allow_nan=False).encode(errors="surrogatepass")
        return cls(
            version=hashlib.sha256(numbers).hexdigest()[:16],
            running=tree["study"]["driver"] is not None,
            whole=page(tree, drawn, plotly_js=None, live=True).encode(),
            main=fragment(tree, drawn).encode(),
            numbers=numbers,
        )


class ReportRefresher:
    """Renders a new version of the report when the study has changed.

    Args:
        gather: function that builds the study's current report tree.
        state: cheap function whose result changes whenever the study changes.

    Attributes:
        edition: the latest version.
    """

    def __init__(self, gather: Callable[[], Tree], state: Callable[[], object]) -> None:
        self._gather = gather
        self._state = state
        self._drawn_from = state()
        self.edition = ReportVersion.of(gather())

    def renew(self) -> bool:
        """Refresh ``edition`` if the study has changed; return whether it was refreshed.

        If the storage cannot be read, the version is kept and a warning logged.
        """
        try:
            state = self._state()
            if state == self._drawn_from:
                return False
            self.edition = ReportVersion.of(self._gather())
        except StorageError as error:
            log.warning("the study cannot be read just now: %s", error)
            return False
        self._drawn_from = state
        return True

    def keep_renewing(self, stop: threading.Event) -> None:
        """Refresh periodically until ``stop`` is set."""
        pause = EVERY_SECONDS
        while not stop.wait(pause):
            started = time.monotonic()
            renewed = self.renew()
            took = time.monotonic() - started
            pause = max(EVERY_SECONDS, REST * took if renewed else 0.0)


class _Handler(BaseHTTPRequestHandler):
    """Request handler that serves the latest version of the report."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_SECONDS

    def do_GET(self) -> None:
        """Serve the page, its fragment, state, JSON or script."""
        if not ours(self.headers.get_all("Host", []), self.headers.get_all("Origin", [])):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        edition = self.server.editor.edition
        state = {"version": edition.version, "running": edition.running}
        html, script = "text/html; charset=utf-8", "text/javascript; charset=utf-8"
        documents: dict[str, tuple[str, Callable[[], bytes]]] = {
            "/": (html, lambda: edition.whole),
            "/fragment": (html, lambda: edition.main),
            "/state": ("application/json", json.dumps(state, allow_nan=False).encode),
            "/report.json": ("application/json", lambda: edition.numbers),
            "/plotly.min.js": (script, lambda: library().encode()),
        }
        found = documents.get(self.path.partition("?")[0])
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        kind, content = found
        body = content()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        fresh = "max-age=3600" if kind == script else "no-store"
        self.send_header("Cache-Control", fresh)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Disable request logging, since a page polls every two seconds."""


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """Convert errors of binding a port to ``UsageError``."""
    try:
        yield
    except (OSError, OverflowError) as error:
        rule, way_out = "be free", "Give --port 0 for any that is"
        raise UsageError(fault("--port", rule, port, where=str(error), way_out=way_out)) from error


class BrowserServer(ThreadingMixIn, TCPServer):
    """A threaded server for browsers, which send many requests at once and drop connections."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore connection errors of clients; report other errors like the base class."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Server(BrowserServer, HTTPServer):
    """HTTP server of the report on the loopback interface.

    Args:
        editor: provides the latest version.
        port: TCP port; 0 for any free one.

    Raises:
        UsageError: if the port is not available.
    """

    def __init__(self, editor: ReportRefresher, port: int) -> None:
        self.editor = editor
        with listening(port):
            super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """URL of the report."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def serve(self) -> None:
        """Serve until interrupted, refreshing the report in a background thread."""
        stop = threading.Event()
        editing = threading.Thread(target=self.editor.keep_renewing, args=(stop,), daemon=True)
        editing.start()
        try:
            self.serve_forever(poll_interval=0.2)
        finally:
            stop.set()
            self.server_close()


def state_of(study: optuna.Study, address: StorageUrl) -> object:
    """State that changes whenever a trial starts, reports or ends, or a driver starts or stops."""
    with storage_errors(address):
        trials = study.get_trials(deepcopy=False)
        driven = driver_of(study) is not None
    return driven, tuple((t.state, len(t.intermediate_values)) for t in trials)


def gatherer(
    study: optuna.Study, address: StorageUrl, *, quick: bool, own: OwnObjectives | None = None
) -> Callable[[], dict[str, Any]]:
    """A function that builds the report tree, without cross-checks while the study is running."""

    def gather() -> dict[str, Any]:
        driven = driver_of(study) is not None
        return report_tree(study, address, AnalysisOptions(quick=quick or driven), own)

    return gather
