"""A real S3 server on this machine, and its clients' environment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

import pytest
import requests

BUCKET = "s3://studies"


def missing() -> str:
    """The reason why there can be none; empty if there can."""
    try:
        import s3fs  # noqa: F401
        from moto.server import ThreadedMotoServer  # noqa: F401
    except ImportError as error:
        return f"no S3 here: {error}"
    return ""


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Serve S3 over HTTP with one empty bucket, to this process and its children."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    import fsspec
    from moto.server import ThreadedMotoServer

    serving = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    serving.start()
    host, port = serving.get_host_and_port()
    known = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "me",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        with mock.patch.dict("os.environ", known):
            # Servers within one process share their content.
            requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)
            fsspec.filesystem("s3").mkdir("studies")
            yield BUCKET
    finally:
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        serving.stop()
