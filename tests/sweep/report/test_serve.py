"""A real server on a real study: what it answers, whom, and when there is news."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from report_studies import plain

from sweep.errors import UsageError
from sweep.report.serve import Editor, Server
from sweep.report.tracked import gatherer, state_of
from sweep.storage import Address, open_known

Answer = tuple[int, str, bytes]


class Desk:
    """A served study that grows."""

    def __init__(self, folder: Path) -> None:
        self.study, address = plain(folder, 3)
        served = open_known(Address.parse(address.url))
        gather = gatherer(served, address, quick=True)
        self.editor = Editor(gather, lambda: state_of(served, address))
        self.server = Server(self.editor, 0)

    def get(self, path: str, host: str | None = None) -> Answer:
        """What the server answers to a browser."""
        link = http.client.HTTPConnection(*self.server.server_address[:2], timeout=20)
        link.request("GET", path, headers={} if host is None else {"Host": host})
        with contextlib.closing(link), link.getresponse() as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Served by a thread, without the one that draws."""
    made = Desk(tmp_path)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def test_it_serves_what_the_page_asks_for(desk: Desk) -> None:
    """The page itself is small: plotly.js comes once, by itself."""
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


def test_a_new_trial_is_news_and_nothing_else_is(desk: Desk) -> None:
    """The version changes with the study, and only then is anything drawn again."""
    before = desk.editor.edition
    assert desk.editor.renew() is False
    assert desk.editor.edition is before

    desk.study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)

    assert desk.editor.renew() is True
    assert desk.editor.renew() is False
    assert json.loads(desk.get("/state")[2])["version"] != before.version
    assert json.loads(desk.get("/report.json")[2])["counts"]["complete"] == 4


@pytest.mark.parametrize("host", ["evil.example:80", "127.0.0.1.evil.example", "", "[::1]:80"])
def test_no_other_name_leads_here(desk: Desk, host: str) -> None:
    """A page of another site that had its name resolve to this machine reads nothing."""
    assert desk.get("/report.json", host)[0] == 403
    assert desk.get("/report.json", "localhost:1")[0] == 200


def test_it_listens_to_this_machine_alone_and_names_a_taken_port(desk: Desk) -> None:
    """The way out is in the error."""
    address, port = desk.server.server_address[:2]
    assert address == "127.0.0.1"

    with pytest.raises(UsageError, match=rf"--port must be free, got {port} .*--port 0"):
        Server(desk.editor, int(port))
    with pytest.raises(UsageError, match="--port must"):
        Server(desk.editor, 70_000)
