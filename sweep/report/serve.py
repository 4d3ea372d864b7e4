"""A report that is served to this machine, and follows a study while it runs."""

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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import optuna

from sweep.errors import StorageError, UsageError, fault
from sweep.report.figures.kinds import draw
from sweep.report.page.page import fragment, page
from sweep.report.tree.build import report_tree
from sweep.report.write import library
from sweep.results.analysis import AnalysisOptions
from sweep.storage.errors import storage_errors
from sweep.storage.owner import current_lease
from sweep.storage.url import StorageUrl

HOST = "127.0.0.1"
"""NullListener else's machine: a report tells paths and errors."""

_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
"""The names under which it may be asked."""

PATIENCE_SECONDS = 30.0
"""How long a client may be silent, or not take what it asked for."""

EVERY_SECONDS = 2.0
"""How often the study is asked whether it has changed."""

REST = 4.0
"""Times as long as the last drawing took, until the next: most of a core stays with the sweep."""

log = logging.getLogger("lorasweep")

Tree = Mapping[str, Any]


def ours(hosts: Sequence[str], origins: Sequence[str]) -> bool:
    """Whether a request is this machine's user's: no other site's page had a browser make it.

    Such a page can have its own name lead here, and can send writes to any address; the browser
    tells in ``Host`` which name it asked, and in ``Origin`` whose page did, of every write.

    Args:
        hosts: the ``Host`` headers, of which there must be one.
        origins: the ``Origin`` headers; none from a program that is no browser.
    """
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return False
    return all(origin.lower() == f"http://{hosts[0]}".lower() for origin in origins)


@dataclass(frozen=True)
class ReportVersion:
    """A report at one moment.

    Attributes:
        version: differs from that of every other edition.
        running: whether somebody drives the study.
        whole: the page.
        main: the part of it that changes.
        numbers: the tree as JSON.
    """

    version: str
    running: bool
    whole: bytes
    main: bytes
    numbers: bytes

    @classmethod
    def of(cls, tree: Tree) -> ReportVersion:
        """Draw a tree."""
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
    """Draws a new edition when the study has changed.

    Args:
        gather: the study's tree, now.
        state: something cheap that differs whenever the study has changed.

    Attributes:
        edition: the latest.
    """

    def __init__(self, gather: Callable[[], Tree], state: Callable[[], object]) -> None:
        self._gather = gather
        self._state = state
        self._drawn_from = state()
        self.edition = ReportVersion.of(gather())

    def renew(self) -> bool:
        """Whether there was something new, which is in ``edition`` now.

        A database that cannot be read for a moment leaves the edition as it is.
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
        """Until told to stop."""
        pause = EVERY_SECONDS
        while not stop.wait(pause):
            started = time.monotonic()
            renewed = self.renew()
            took = time.monotonic() - started
            pause = max(EVERY_SECONDS, REST * took if renewed else 0.0)


class _Handler(BaseHTTPRequestHandler):
    """Answers with the latest edition."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE_SECONDS

    def do_GET(self) -> None:
        """One of a handful of documents."""
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
        """Say nothing: a page asks every two seconds."""


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    """Errors of taking a port, as ours."""
    try:
        yield
    except (OSError, OverflowError) as error:
        rule, way_out = "be free", "Give --port 0 for any that is"
        raise UsageError(fault("--port", rule, port, where=str(error), way_out=way_out)) from error


class Server(ThreadingHTTPServer):
    """The report on this machine alone.

    Args:
        editor: has the latest edition.
        port: where; 0 for any that is free.

    Raises:
        UsageError: if the port cannot be had.
    """

    daemon_threads = True
    request_queue_size = 128  # a browser of many tabs, each with many questions

    def __init__(self, editor: ReportRefresher, port: int) -> None:
        self.editor = editor
        with listening(port):
            super().__init__((HOST, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that left; of anything else, what the base class says."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """What to type into a browser."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def serve(self) -> None:
        """Until interrupted; draws new editions meanwhile."""
        stop = threading.Event()
        editing = threading.Thread(target=self.editor.keep_renewing, args=(stop,), daemon=True)
        editing.start()
        try:
            self.serve_forever(poll_interval=0.2)
        finally:
            stop.set()
            self.server_close()


def state_of(study: optuna.Study, address: StorageUrl) -> object:
    """What differs whenever a trial begins, reports or ends, or the driver comes or goes."""
    with storage_errors(address):
        trials = study.get_trials(deepcopy=False)
        owner = current_lease(study)
    driven = owner is not None and not owner.provably_dead()
    return driven, tuple((t.state, len(t.intermediate_values)) for t in trials)


def gatherer(
    study: optuna.Study, address: StorageUrl, *, quick: bool
) -> Callable[[], dict[str, Any]]:
    """A function that gathers the study's tree; cross-checks wait until nobody drives it."""

    def gather() -> dict[str, Any]:
        owner = current_lease(study)
        driven = owner is not None and not owner.provably_dead()
        return report_tree(study, address, AnalysisOptions(quick=quick or driven))

    return gather
