"""Requests reach public addresses only: by number, by name, after redirects, and when a name
changes its mind between two looks."""

from __future__ import annotations

import socket

import httpx
import pytest

from analytics.venues.errors import ForbiddenAddress, Redirected, Unreachable
from analytics.venues.fetch.guard import STRICT, HttpRules, check_url, is_public, judged_addresses
from analytics.venues.fetch.http import HttpSession
from tests.analytics.venues.conftest import HERE

PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")
CLOSED = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1",
    "169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1",
    "224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::",
    "2001:db8::1", "2001:0:7f00:1::", "name",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_open(address):
    assert is_public(address)


@pytest.mark.parametrize("address", CLOSED)
def test_a_private_or_wrapped_address_is_closed(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https:///nothing",
        "https://user:secret@example.com/",
        "https://example.com:22/",
        "https://example.com:6/",
    ],
)
def test_a_url_that_is_not_asked(url):
    with pytest.raises(ForbiddenAddress) as caught:
        check_url(httpx.URL(url), STRICT)
    assert "url" in caught.value.fields
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("url", ["https://example.com/", "https://example.com:8443/x?y=1"])
def test_an_ordinary_url_is_asked(url):
    check_url(httpx.URL(url), STRICT)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]"]
)
def test_this_machine_is_not_reached_however_it_is_written(host):
    session = HttpSession(HttpRules(https_only=False))
    with session, pytest.raises((ForbiddenAddress, Unreachable)):
        session.send("GET", f"http://{host}/")


def test_one_private_address_condemns_a_name():
    url = httpx.URL("https://mixed.example/")
    with pytest.raises(ForbiddenAddress):
        judged_addresses(url, STRICT, lambda host, port: ["8.8.8.8", "10.0.0.1"])
    assert judged_addresses(url, STRICT, lambda host, port: ["8.8.8.8"]) == ["8.8.8.8"]


def test_a_name_that_nobody_knows_is_unreachable():
    def fail(host, port):
        raise socket.gaierror

    with pytest.raises(Unreachable):
        judged_addresses(httpx.URL("https://x.example/"), STRICT, fail)


def test_the_connection_goes_to_the_address_that_was_judged(playing):
    """The name is resolved once per request; a second look, which a rebinding server would answer
    with a private address, never happens."""
    looks = []

    def resolver(host, port):
        looks.append(host)
        return ["127.0.0.1"]

    port = playing.url.rsplit(":", 1)[1]
    with HttpSession(HERE, resolver=resolver) as session:
        answer = session.send("GET", f"http://nowhere.invalid:{port}/exrates/USD")
    assert answer.status == 200
    assert looks == ["nowhere.invalid"]


def test_a_name_that_turns_private_is_refused_at_the_next_request(playing):
    answers = iter([["8.8.8.8"], ["127.0.0.1"]])
    url = httpx.URL("https://turning.example/")
    resolver = lambda host, port: next(answers)  # noqa: E731
    assert judged_addresses(url, STRICT, resolver)
    with pytest.raises(ForbiddenAddress):
        judged_addresses(url, STRICT, resolver)


def test_the_name_that_was_asked_for_stays_in_the_host_header(playing, monkeypatch):
    seen = []
    handler = playing._server.RequestHandlerClass
    play = handler._play
    monkeypatch.setattr(
        handler,
        "_play",
        lambda self, *args: (seen.append(self.headers["Host"]), play(self, *args)),
    )
    port = playing.url.rsplit(":", 1)[1]
    with HttpSession(HERE, resolver=lambda host, port: ["127.0.0.1"]) as session:
        session.send("GET", f"http://venue.invalid:{port}/exrates/USD")
    assert seen == [f"venue.invalid:{port}"]


def test_an_address_that_refuses_is_followed_by_the_next_one(playing):
    port = playing.url.rsplit(":", 1)[1]
    resolver = lambda host, port: ["127.99.99.99", "127.0.0.1"]  # noqa: E731
    with HttpSession(HERE, resolver=resolver) as session:
        assert session.send("GET", f"http://two.invalid:{port}/exrates/USD").status == 200


@pytest.mark.parametrize("fault", ["redirect_other", "redirect_inside"])
def test_a_redirect_elsewhere_is_not_followed(fault, playing):
    playing.break_venue("yadio", fault)
    looks = []

    def resolver(host, port):
        looks.append(host)
        return ["127.0.0.1"]

    port = playing.url.rsplit(":", 1)[1]
    with HttpSession(HERE, resolver=resolver) as session, pytest.raises(Redirected):
        session.send("GET", f"http://here.invalid:{port}/exrates/USD")
    assert looks == ["here.invalid"]
