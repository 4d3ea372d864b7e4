"""One file over HTTP: resumed where it broke off, tried again, and checked by size.

Own code over ``urllib``: of the libraries at hand none resumes. ``pooch`` begins again after a
break, ``fsspec`` copies whole files, and ``huggingface_hub`` resumes downloads of its Hub alone.
"""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from sweep.errors import DataError, fault

WAITS = (0.5, 1.0, 2.0)
"""Seconds before each further try that has brought nothing; one that brought bytes is free."""

TIMEOUT = 30.0
_CHUNK = 1 << 16
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)

Tell = Callable[[int], None]


def download(
    url: str, path: Path, size: int, *, tell: Tell, waits: Sequence[float] = WAITS
) -> None:
    """Bring a file to its full size, from wherever an earlier try left it.

    Args:
        url: of the file, http or https.
        path: where it grows; what is there is its beginning.
        size: bytes of the whole file.
        tell: called with the bytes that were added; negative where some were thrown away.
        waits: seconds before each further try.

    Raises:
        DataError: if it cannot be had, naming what could not be reached.
        OSError: if the disk refuses.
    """
    tries = furthest = 0
    while (before := _size(path)) != size:
        if before > size:
            _drop(path, tell)
            continue
        got = _attempt(url, path, before, tell) or f"{_size(path)} bytes in place of {size}"
        after = _size(path)
        if after > size:  # another file than the pinned one
            _drop(path, tell)
        # Measured by the furthest: a server whose file is too short would begin anew for ever.
        tries = 0 if furthest < after <= size else tries + 1
        furthest = max(furthest, after)
        if tries > len(waits):
            raise DataError(_unreachable(url, got))
        if tries:
            time.sleep(waits[tries - 1])


def _attempt(url: str, path: Path, start: int, tell: Tell) -> str:
    """Add what the server sends from a byte on.

    Returns:
        What went wrong on the way; empty if nothing did.

    Raises:
        DataError: if trying again is no use.
    """
    try:
        _append(url, path, start, tell)
    except urllib.error.HTTPError as error:
        got = f"HTTP {error.code} {error.reason}"
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            _drop(path, tell)
        elif error.code not in _TRANSIENT:
            raise DataError(_unreachable(url, got)) from error
        return got
    except urllib.error.URLError as error:
        return str(error.reason)
    except (http.client.HTTPException, ConnectionError) as error:
        return str(error) or type(error).__name__
    return ""


def _append(url: str, path: Path, start: int, tell: Tell) -> None:
    headers = {"User-Agent": "lorasweep", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # http(s), by the caller
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310  # likewise
        if start and not _continues(answer, start):
            _drop(path, tell)
            if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
                raise http.client.HTTPException(f"a part that does not begin at byte {start}")
        with path.open("ab") as file:
            while chunk := _read(answer):
                file.write(chunk)
                tell(len(chunk))


def _continues(answer: http.client.HTTPResponse, start: int) -> bool:
    """Whether a server sends the rest that it was asked for; it may send the whole file."""
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    partial = answer.status == http.HTTPStatus.PARTIAL_CONTENT
    return partial and found is not None and int(found[1]) == start


def _read(answer: http.client.HTTPResponse) -> bytes:
    """The next bytes; a network that fails is not taken for a disk that does."""
    try:
        return answer.read(_CHUNK)
    except OSError as error:
        raise ConnectionError(str(error)) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _drop(path: Path, tell: Tell) -> None:
    tell(-_size(path))
    path.unlink()


def _unreachable(url: str, got: str) -> str:
    way_out = (
        "Check the connection and run the same command again: it goes on where it stopped. "
        "Offline, put its files into the folder from elsewhere; --mirror names another place"
    )
    return fault(url, "be reachable", got, way_out=way_out)
