"""The web server as `make run` starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from bench.stalled import answer_seconds, stall
from p2p.server import options


@pytest.fixture
def server(for_children):
    """(its process, its port); stderr is what it logs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "p2p.server"],
        env={**os.environ, "PORT": str(number)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert "Paralelo is at" in server.stdout.readline()
        yield server, number
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0
        server.stdout.close()
        server.stderr.close()


@pytest.fixture
def port(server):
    return server[1]


def test_connections_that_stall_stop_nobody(port):
    opened = stall(port, 40)
    assert answer_seconds(port, patience=10) < 10
    for one in opened:
        one.close()


def test_the_server_warms_up_beside_its_first_answers(server):
    process, port = server
    assert answer_seconds(port, patience=60) < 60
    assert any("warm: 0 models" in line for line in process.stderr)


def test_with_debug_on_only_this_machine_is_listened_to(monkeypatch):
    monkeypatch.setenv("PARALELO_DEBUG", "1")
    monkeypatch.setenv("PARALELO_BIND", "0.0.0.0")
    with pytest.raises(SystemExit, match="loopback"):
        options()


def test_an_address_of_the_new_kind_is_written_in_brackets(monkeypatch):
    monkeypatch.setenv("PARALELO_BIND", "::1")
    monkeypatch.setenv("PORT", "8001")
    assert options()["listen"] == "[::1]:8001"
    assert options()["clear_untrusted_proxy_headers"] is False
