"""Optuna's dashboard on a study of lorasweep, with the verdict as its note."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
import pytest
from report_studies import mixed

from sweep.report.dashboard import dashboard_server, leave_note, note_text
from sweep.results.analysis import AnalysisOptions, analyse_study
from sweep.results.table import to_table
from sweep.storage.owner import acquire
from sweep.storage.studies import open_known

optuna_dashboard = pytest.importorskip("optuna_dashboard")


def ask(app: Any, path: str) -> tuple[str, Any]:
    """The application's response, without a socket."""
    printed: list[str] = []
    environment: dict[str, Any] = {}
    setup_testing_defaults(environment)
    environment["PATH_INFO"] = path
    body = b"".join(app(environment, lambda status, *_: printed.append(status)))
    return printed[0], json.loads(body)


@pytest.mark.integration
def test_the_dashboard_shows_a_study_with_the_verdict_in_its_note(tmp_path: Path) -> None:
    """Every trial and no error; a running driver's study is not written to."""
    made, address = mixed(tmp_path)
    study = open_known(address)
    found = analyse_study(study, address, to_table(study), AnalysisOptions(quick=True))
    text = note_text(found)
    owner = acquire(made, address.shown)  # a live driver: this process
    assert leave_note(study, text) is (owner is None)
    made.set_user_attr("owner", None)

    assert leave_note(study, text) is True
    version = study._storage.get_study_system_attrs(study._study_id)
    assert leave_note(study, text) is True
    # An equal note is not written again.
    assert study._storage.get_study_system_attrs(study._study_id) == version

    app = optuna_dashboard.wsgi(study._storage)
    status, listed = ask(app, "/api/studies")
    assert status.startswith("200")
    [identity] = [each["study_id"] for each in listed["study_summaries"]]
    status, whole = ask(app, f"/api/studies/{identity}")
    assert status.startswith("200")
    assert len(whole["trials"]) == len(made.get_trials())
    assert found["headline"] in whole["note"]["body"]
    assert "PED-ANOVA" in whole["note"]["body"]
    assert f"lorasweep report --storage {address.shown}" in whole["note"]["body"]
    status, _ = ask(app, f"/api/studies/{identity}/param_importances")
    assert status.startswith("200")


def test_names_in_a_note_are_not_interpreted() -> None:
    """Markdown and HTML in a study's names are escaped."""
    claimed = {"claim": {"says": "<b>x</b>"}, "headline": "REFUTED", "reason": "a_b *c* [d](e)"}
    found = {"storage": "sqlite:///a b.db", "study": "s", "n_trials": 3, "claims": [claimed]}

    text = note_text(found)

    assert r"\<b\>x\</b\>" in text
    assert r"a\_b \*c\* \[d\](e)" in text
    assert "--storage 'sqlite:///a b.db'" in text


REQUESTS = {
    "the page itself": ("GET", {}, 200),
    "a program of the user's": ("DELETE", {}, 204),
    "a write of the page's": ("DELETE", {"Origin": "http://127.0.0.1:PORT"}, 204),
    "the same by name": (
        "DELETE",
        {"Host": "localhost:PORT", "Origin": "http://localhost:PORT"},
        204,
    ),
    "a name that leads here": ("GET", {"Host": "evil.example:PORT"}, 403),
    "a write to it": (
        "DELETE",
        {"Host": "evil.example:PORT", "Origin": "http://evil.example:PORT"},
        403,
    ),
    "a name that begins so": ("DELETE", {"Host": "127.0.0.1.evil.example"}, 403),
    "an address of IPv6": ("DELETE", {"Host": "[::1]:PORT"}, 403),
    "a user's name before it": ("DELETE", {"Host": "localhost@evil.example"}, 403),
    "no name": ("DELETE", {"Host": ""}, 403),
    "another site's page": ("DELETE", {"Origin": "http://evil.example"}, 403),
    "another server's page": ("DELETE", {"Origin": "http://127.0.0.1:1"}, 403),
    "a page of no site": ("DELETE", {"Origin": "null"}, 403),
    "an encrypted page": ("DELETE", {"Origin": "https://127.0.0.1:PORT"}, 403),
    "the other name's page": ("DELETE", {"Origin": "http://localhost:PORT"}, 403),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_only_this_machine_s_user_gets_a_response(case: str, tmp_path: Path) -> None:
    """Not a page of another site, under any host name."""
    method, headers, code = REQUESTS[case]
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/s.db", study_name="kept")
    server = dashboard_server(study, 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        path = f"/api/studies/{study._study_id}"
        link = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
        sent = {k: v.replace("PORT", str(server.server_port)) for k, v in headers.items()}
        link.request(method, path, headers=sent)
        with contextlib.closing(link), link.getresponse() as answer:
            assert answer.status == code
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

    left = optuna.get_all_study_names(f"sqlite:///{tmp_path}/s.db")
    assert left == ([] if code == 204 else ["kept"])
