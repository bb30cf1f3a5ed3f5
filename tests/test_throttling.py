"""Guessing passwords is slow, whichever process is asked and by whichever road."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.cache import caches
from django.db import close_old_connections, connection
from django.test import RequestFactory

from p2p import throttling
from p2p.throttling import SECONDS, TRIES, SignInThrottle

TOKEN = "/api/v1/analytics/token"


def allowed(address="203.0.113.9"):
    return SignInThrottle().allow_request(RequestFactory().post("/", REMOTE_ADDR=address), None)


def guess(client, address="203.0.113.9"):
    sent = {"username": "root", "password": "guess"}
    return client.post("/admin/login/", sent, REMOTE_ADDR=address)


@pytest.mark.django_db
def test_the_sign_in_page_refuses_the_eleventh_try_of_an_address(client):
    assert [guess(client).status_code for _ in range(TRIES)] == [200] * TRIES
    refused = guess(client)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= SECONDS
    assert "Too many tries" in refused.content.decode()
    assert guess(client, "198.51.100.1").status_code == 200
    assert client.get("/admin/login/", REMOTE_ADDR="203.0.113.9").status_code == 200


@pytest.mark.django_db
def test_tokens_and_the_page_count_together(client):
    for _ in range(TRIES):
        guess(client)
    sent = {"username": "root", "password": "guess"}
    answer = client.post(TOKEN, sent, "application/json", REMOTE_ADDR="203.0.113.9")
    assert answer.status_code == 429
    assert answer.json()["code"] == "throttled"
    assert answer.headers["Retry-After"]


@pytest.mark.django_db
def test_a_slot_is_free_again_when_its_time_is_over(monkeypatch):
    monkeypatch.setattr(throttling, "TRIES", 1)
    assert allowed()
    assert not allowed()
    # As it will be: the entry of the only slot is over.
    caches["shared"].touch("sign-in:203.0.113.9:0", -1)
    assert allowed()


@pytest.fixture
def counted(transactional_db):
    """An empty cache: what threads and other processes commit is not rolled back."""
    caches["shared"].clear()
    yield
    caches["shared"].clear()


def test_tries_at_the_same_instant_do_not_slip_through(counted):
    threads, found = 2 * TRIES, []
    start = threading.Barrier(threads)

    def try_it():
        start.wait()
        try:
            found.append(allowed())
        finally:
            close_old_connections()
            connection.close()

    running = [threading.Thread(target=try_it) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert sorted(found) == [False] * TRIES + [True] * TRIES


def test_what_one_process_counted_another_knows(for_children, counted):
    code = (
        "import django; django.setup()\n"
        "from tests.test_throttling import allowed\n"
        f"print([allowed() for _ in range({TRIES - 1})])"
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str([True] * (TRIES - 1))
    assert [allowed(), allowed()] == [True, False]
