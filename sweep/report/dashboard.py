"""Run optuna-dashboard on a study, with lorasweep's verdict as a note."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import optuna

from sweep.errors import UsageError, fault
from sweep.report.serve import HOST, PATIENCE_SECONDS, BrowserServer, listening, ours
from sweep.results.status import driver_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

INSTALL = "pip install 'lorasweep[dashboard]'"


def require_dashboard() -> None:
    """Raise ``UsageError`` unless optuna-dashboard is installed."""
    if importlib.util.find_spec("optuna_dashboard") is None:
        rule, way_out = "have optuna-dashboard", f"Install it: {INSTALL}"
        raise UsageError(fault("lorasweep dashboard", rule, "none", way_out=way_out))


def note_text(found: Mapping[str, Any]) -> str:
    """The dashboard note for a study's analysis (``analyse_study``), in Markdown."""
    where = f"--storage {shlex.quote(found['storage'])} --name {shlex.quote(found['study'])}"
    lines = [
        "## What this dashboard does not say",
        "",
        (
            "The *hyperparameter importance* shown here is **PED-ANOVA**, whatever the study: what "
            "separates the best tenth of the trials that happened to be sampled. It comes without "
            "uncertainty, and a parameter that the sampler has learned to set looks unimportant."
        ),
        "",
        f"lorasweep's verdict on {found['n_trials']} trials:",
        "",
    ]
    for claim in found["claims"]:
        says = "no claim" if claim["claim"] is None else claim["claim"]["says"]
        lines.append(f"- **{claim['headline']}** ({_plain(says)}): {_plain(claim['reason'])}")
    lines += ["", "With effect sizes, intervals and cross-checks:", ""]
    lines += [f"    lorasweep report {where}", f"    lorasweep importance {where}", ""]
    return "\n".join(lines)


def leave_note(study: optuna.Study, text: str) -> bool:
    """Save a note unless a driver runs the study, which alone may write; whether it is there."""
    from optuna_dashboard import get_note, save_note

    if get_note(study) == text:
        return True
    if driver_of(study) is not None:
        return False
    save_note(study, text)
    return True


class _Server(BrowserServer, WSGIServer):
    """WSGI server for browsers."""


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE_SECONDS

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Disable request logging."""


def dashboard_server(study: optuna.Study, port: int) -> WSGIServer:
    """optuna-dashboard server for a study's storage, on the loopback interface only.

    Args:
        study: any study of the storage.
        port: TCP port; 0 for any free one.

    Raises:
        UsageError: if the port is not available.
    """
    from optuna_dashboard import wsgi

    app = wsgi(study._storage)  # noqa: SLF001 - no other way to it
    with listening(port):
        return make_server(HOST, port, _guarded(app), server_class=_Server, handler_class=_Handler)


def _guarded(app: WSGIApplication) -> WSGIApplication:
    """WSGI middleware that rejects cross-site requests; see ``sweep.report.serve.ours``."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        origins = [environ["HTTP_ORIGIN"]] if "HTTP_ORIGIN" in environ else []
        if ours([environ.get("HTTP_HOST", "")], origins):
            return app(environ, start)
        start("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"This dashboard answers to pages of its own on this machine alone.\n"]

    return answer


def _plain(text: str) -> str:
    """Text of a study, with Markdown characters escaped."""
    for sign in "\\`*_{}[]<>#|!":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.split())
