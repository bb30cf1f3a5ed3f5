"""Messages through Apprise: a real child process, a real receiver, and no way into the house."""

from __future__ import annotations

import base64

import pytest

from analytics.alerts.apprise_child import Forbidden, guard, redacted
from analytics.alerts.channels import DeliveryError, Message, World, get_channel_kind
from analytics.alerts.ways.apprise_url import AppriseOptions
from analytics.venues.fetch.guard import STRICT, HttpRules
from tests.receiver import Receiver

OPEN = World(rules=HttpRules(https_only=False, allow_private=True))
CLOSED = World(rules=STRICT)
MESSAGE = Message(key="k", title="USDT/BOB", text="It moves.", image=b"\x89PNG\r\n\x1a\n not much")


def send(url: str, world: World, **options) -> None:
    get_channel_kind("apprise").send(AppriseOptions(url=url, **options), MESSAGE, world)


def test_a_message_arrives_with_its_chart():
    with Receiver() as receiver:
        send(receiver.url.replace("http", "json") + "/hook", OPEN)
        (got,) = receiver.got
    assert (got.json["title"], got.json["message"]) == ("USDT/BOB", "It moves.")
    (chart,) = got.json["attachments"]
    assert base64.b64decode(chart["base64"]).startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_name_that_leads_home_is_not_connected_to(name):
    with Receiver() as receiver:
        port = receiver.url.rsplit(":", 1)[1]
        with pytest.raises(DeliveryError) as refused:
            send(f"json://{name}:{port}/hook", CLOSED)
        assert receiver.got == []
    assert (refused.value.code, refused.value.permanent) == ("forbidden_address", True)


def test_what_a_service_refuses_is_told_without_its_secrets():
    with Receiver(answers=[(500, {})]) as receiver:
        url = receiver.url.replace("http", "json") + "/sesamesecret"
        with pytest.raises(DeliveryError) as refused:
            send(url, OPEN)
    assert not refused.value.permanent
    assert "sesamesecret" not in refused.value.message


def test_a_service_that_never_answers_is_given_up():
    hurried = World(rules=OPEN.rules, seconds=0.05)
    with pytest.raises(DeliveryError) as refused:
        send("json://127.0.0.1:9/x", hurried)
    assert refused.value.code == "timed_out"


@pytest.mark.parametrize(
    "address",
    [
        ("127.0.0.1", 80),
        ("10.0.0.1", 443),
        ("::1", 80, 0, 0),
        ("::ffff:192.168.0.1", 80, 0, 0),
        ("169.254.169.254", 80),
        # A name would be looked up by the kernel, after it was judged.
        ("example.com", 443),
        "/var/run/docker.sock",
    ],
)
@pytest.mark.parametrize("event", ["socket.connect", "socket.sendto"])
def test_every_connection_is_judged_when_it_is_made(event, address):
    blocked: list[str] = []
    with pytest.raises(Forbidden):
        guard(blocked)(event, (None, address))
    assert blocked == ["address"]


def test_public_addresses_and_other_events_pass():
    blocked: list[str] = []
    hook = guard(blocked)
    hook("socket.connect", (None, ("93.184.216.34", 443)))
    hook("socket.sendmsg", (None, None))
    hook("open", ("x", "r", 0))
    assert blocked == []


@pytest.mark.parametrize("event", ["subprocess.Popen", "os.system", "syslog.syslog"])
def test_no_further_process_is_started(event):
    with pytest.raises(Forbidden):
        guard([])(event, ("x",))


def test_a_reason_holds_nothing_of_the_address():
    text = redacted("failed for bottoken123 at host.example", "tgram://bottoken123/456789")
    assert "bottoken123" not in text
