"""A real server on a real study: responses, access, and updates."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from report_studies import plain

from sweep.errors import UsageError
from sweep.report.serve import ReportRefresher, Server, _Handler, gatherer, ours, state_of
from sweep.storage.studies import open_known
from sweep.storage.url import StorageUrl

Answer = tuple[int, str, bytes]


class Desk:
    """A served study that grows."""

    def __init__(self, folder: Path) -> None:
        self.study, address = plain(folder, 3)
        served = open_known(StorageUrl.parse(address.url))
        gather = gatherer(served, address, quick=True)
        self.editor = ReportRefresher(gather, lambda: state_of(served, address))
        self.server = Server(self.editor, 0)

    def get(self, path: str, host: str | None = None) -> Answer:
        """The server's response to a browser."""
        link = http.client.HTTPConnection(*self.server.server_address[:2], timeout=20)
        link.request("GET", path, headers={} if host is None else {"Host": host})
        with contextlib.closing(link), link.getresponse() as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A server in a thread, without the drawing process."""
    made = Desk(tmp_path)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def test_it_serves_what_the_page_requests(desk: Desk) -> None:
    """The page itself is small: plotly.js is a separate file."""
    status, kind, whole = desk.get("/")
    assert (status, kind) == (200, "text/html")
    assert b"plotly.min.js" in whole
    assert len(whole) < 400_000

    main = desk.get("/fragment")[2]
    assert main.strip() in whole
    state = json.loads(desk.get("/state?now")[2])
    assert state == {"version": desk.editor.edition.version, "running": False}
    assert json.loads(desk.get("/report.json")[2])["study"]["name"] == "plain"
    status, kind, script = desk.get("/plotly.min.js")
    assert (status, kind, b"Plotly" in script) == (200, "text/javascript", True)
    assert desk.get("/../study.db")[0] == 404


def test_a_new_trial_changes_the_version_and_nothing_else_does(desk: Desk) -> None:
    """Only then is the page drawn again."""
    before = desk.editor.edition
    assert desk.editor.renew() is False
    assert desk.editor.edition is before

    desk.study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)

    assert desk.editor.renew() is True
    assert desk.editor.renew() is False
    assert json.loads(desk.get("/state")[2])["version"] != before.version
    assert json.loads(desk.get("/report.json")[2])["counts"]["complete"] == 4


def test_requests_of_other_sites_are_refused() -> None:
    """With two Host headers, or with a foreign origin."""
    assert ours(["localhost:80"], [])
    assert ours(["LOCALHOST:80"], ["http://localhost:80"])
    assert not ours(["localhost:80", "evil.example"], [])
    assert not ours([], [])
    assert not ours(["localhost:80"], ["http://localhost:80", "http://evil.example"])


@pytest.mark.parametrize("host", ["evil.example:80", "127.0.0.1.evil.example", "", "[::1]:80"])
def test_other_host_names_are_refused(desk: Desk, host: str) -> None:
    """So that a site cannot read the page by DNS rebinding."""
    assert desk.get("/report.json", host)[0] == 403
    assert desk.get("/report.json", "localhost:1")[0] == 200


def test_it_listens_on_this_machine_only_and_a_taken_port_is_an_error(desk: Desk) -> None:
    """With the remedy in the message."""
    address, port = desk.server.server_address[:2]
    assert address == "127.0.0.1"

    with pytest.raises(UsageError, match=rf"--port must be free, got {port} .*--port 0"):
        Server(desk.editor, int(port))
    with pytest.raises(UsageError, match="--port must"):
        Server(desk.editor, 70_000)


def test_many_clients_are_served_while_some_are_slow(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Clients that send nothing, half a request, or read nothing are disconnected silently."""
    monkeypatch.setattr(_Handler, "timeout", 1.0)
    where = desk.server.server_address[:2]
    silent, half, deaf = (socket.create_connection(where, timeout=20) for _ in range(3))
    half.sendall(b"GET / HT")
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.sendall(b"GET /plotly.min.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
    gone = socket.create_connection(where, timeout=20)
    gone.sendall(b"GET /plotly.min.js HTTP/1.1\r\nHost: localhost\r\n\r\n")
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gone.close()

    with ThreadPoolExecutor(50) as clients:
        answers = list(clients.map(desk.get, ["/state"] * 50))
    assert {answer[0] for answer in answers} == {200}

    with silent, half, deaf:
        assert silent.recv(1) == half.recv(1) == b""  # disconnected
    assert capfd.readouterr().err == ""
