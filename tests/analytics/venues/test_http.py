"""One request: bounded in size and time, its secrets kept, its failures told apart."""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from analytics.venues.errors import (
    ForbiddenAddress,
    NotJson,
    Redirected,
    TimedOut,
    TooLarge,
    Truncated,
    Unreachable,
)
from analytics.venues.fetch.guard import HttpRules
from analytics.venues.fetch.http import HttpSession
from tests.analytics.venues.conftest import HERE


class Corner(BaseHTTPRequestHandler):
    """Answers by path; POST echoes."""

    def do_GET(self):
        path, body, headers, status = self.path, b"{}", {}, 200
        if path.startswith("/hop"):
            number = int(path[4:])
            headers["Location"] = f"/hop{number - 1}" if number else "/end"
            status = 302
        elif path == "/gzip":
            headers["Content-Encoding"], body = "gzip", gzip.compress(b'{"packed": true}')
        elif path == "/half-gzip":
            headers["Content-Encoding"], body = "gzip", gzip.compress(b"x" * 5000)[:30]
        elif path == "/broken-gzip":
            headers["Content-Encoding"], body = "gzip", b"this is not gzip at all"
        elif path == "/brotli":
            headers["Content-Encoding"] = "br"
        elif path == "/big":
            body = b"x" * 2000
        elif path == "/bad-location":
            status, headers["Location"] = 302, "http://[::bad"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        if self.path == "/moved":
            self.send_response(307)
            self.send_header("Location", "/end")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("X-Signature", self.headers.get("X-Signature", ""))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def corner():
    server = HTTPServer(("127.0.0.1", 0), Corner)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def get(url, rules=HERE, **more):
    with HttpSession(rules, **more) as session:
        return session.send("GET", url)


def test_a_webhook_is_sent_as_it_is_and_its_answer_comes_back(corner):
    with HttpSession(HERE) as session:
        content = json.dumps({"event": "alert"}).encode()
        answer = session.send(
            "POST", f"{corner}/hook", content=content, headers={"X-Signature": "abc"}
        )
    assert (answer.status, answer.body) == (201, content)
    assert answer.headers["x-signature"] == "abc"


def test_hops_within_the_host_are_followed_so_many(corner):
    assert get(f"{corner}/hop1").status == 200
    with pytest.raises(Redirected):
        get(f"{corner}/hop2")


def test_a_post_is_never_sent_twice_by_a_redirect(corner):
    with HttpSession(HERE) as session, pytest.raises(Redirected):
        session.send("POST", f"{corner}/moved", json={})


def test_a_location_that_is_no_address(corner):
    with pytest.raises(Redirected):
        get(f"{corner}/bad-location")


def test_packed_answers_are_unpacked(corner):
    assert json.loads(get(f"{corner}/gzip").body) == {"packed": True}


@pytest.mark.parametrize(
    ("path", "kind"), [("half-gzip", Truncated), ("broken-gzip", NotJson), ("brotli", NotJson)]
)
def test_packed_answers_that_cannot_be_unpacked(corner, path, kind):
    with pytest.raises(kind):
        get(f"{corner}/{path}")


def test_an_answer_of_the_most_bytes_is_read_and_one_more_is_not(corner):
    def rules(most):
        return HttpRules(https_only=False, allow_private=True, max_bytes=most)

    assert len(get(f"{corner}/big", rules(2000)).body) == 2000
    with pytest.raises(TooLarge):
        get(f"{corner}/big", rules(1999))


def test_nobody_listening_is_unreachable():
    with pytest.raises(Unreachable):
        get("http://127.0.0.1:9/")


def test_a_deadline_that_passed_ends_the_reading(corner):
    ticks = iter([0.0, 100.0, 200.0])
    with pytest.raises(TimedOut):
        get(f"{corner}/big", monotonic=lambda: next(ticks))


@pytest.mark.parametrize("url", ["", "nonsense", "http://[::bad"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ForbiddenAddress):
        get(url)


def test_addresses_are_not_written_into_the_log(corner, caplog):
    caplog.set_level("INFO")
    get(f"{corner}/bot-secret-token/send")
    assert "secret-token" not in caplog.text


def test_no_proxy_of_the_environment_is_used(corner, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert get(f"{corner}/end").status == 200
