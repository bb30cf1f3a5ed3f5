"""A real Redis server of the distribution's package, in a process of its own; nothing is kept."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.s3_server import free_port, listens


@contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[tuple[str, subprocess.Popen]]:
    """The address of an empty one, and its process."""
    pytest.importorskip("redis", reason="redis is not installed (requirements-redis.txt)")
    tool = shutil.which("redis-server")
    if tool is None:
        pytest.skip("no redis-server here: apt-get install redis-server")
    port = port or free_port()
    where = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder))
    asked = [tool, *where, "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        listens(server, port)
        yield f"redis://127.0.0.1:{port}/0", server
    finally:
        server.kill()
        server.wait()
