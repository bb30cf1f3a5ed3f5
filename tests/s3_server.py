"""moto's server: speaks S3 and SQS over HTTP, keeps all in its memory, in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

BUCKET, REGION = "models", "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of a server that has an empty bucket."""
    with moto_server() as (address, _server):
        client = moto_client("s3", address)
        client.create_bucket(Bucket=BUCKET)
        client.close()
        yield address


@contextmanager
def moto_server(port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of an empty one, and its process."""
    pytest.importorskip("moto", reason="moto, the S3 and SQS server of the tests, is not installed")
    pytest.importorskip("boto3", reason="boto3 is not installed (requirements-s3.txt)")
    port = port or free_port()
    asked = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        listens(server, port)
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.kill()
        server.wait()


def moto_client(service: str, address: str) -> Any:
    """Who looks at it, or changes it, beside the product."""
    import boto3

    given = {name.lower(): value for name, value in KEYS.items()}
    return boto3.client(service, endpoint_url=address, region_name=REGION, **given)


def listens(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until a server that was started does."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        assert server.poll() is None, "the server ended"
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not listen")
