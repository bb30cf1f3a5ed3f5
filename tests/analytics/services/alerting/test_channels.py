"""Channels keep their secrets to themselves, and reach no private address."""

from __future__ import annotations

import json

import pytest

from analytics.exceptions import InvalidInput, Unavailable
from analytics.models import AlertChannel
from analytics.sealing import seal, unseal
from analytics.services.alerting import channels
from analytics.services.alerting.channels import HIDDEN
from analytics.services.alerting.delivering import channel_test

pytestmark = pytest.mark.django_db
HOOK = "https://93.184.216.34/secret-path"


def hook(**options) -> AlertChannel:
    return channels.channel_create(name="hook", kind="webhook", options={"url": HOOK, **options})


def test_a_secret_is_sealed_and_shown_as_dots():
    made = hook()
    row = AlertChannel.objects.values().get()
    assert "secret-path" not in json.dumps(row, default=str)
    assert channels.shown_options(made) == {"url": HIDDEN, "key": HIDDEN}
    assert channels.stored_options(made)["url"] == HOOK


def test_a_key_that_was_made_is_told_once():
    made = hook()
    assert made.made_key.startswith("whsec_")
    assert AlertChannel.objects.get().made_key is None
    own = channels.channel_change(channel=made, options={"key": made.made_key})
    assert own.made_key is None


def test_a_hidden_secret_that_comes_back_stays_what_it_was():
    made = hook()
    before = channels.stored_options(made)
    changed = channels.channel_change(channel=made, options={"url": HIDDEN, "key": HIDDEN})
    assert channels.stored_options(changed) == before


def test_a_secret_of_another_key_is_named_and_nothing_breaks(settings):
    made = hook()
    settings.SECRET_KEY = "another key altogether, of thirty-two characters"
    with pytest.raises(Unavailable, match="enter it again"):
        channels.stored_options(AlertChannel.objects.get())
    assert channel_test(channel=made)["code"] == "secret_unreadable"
    assert channels.shown_options(made)["url"] == HIDDEN


def test_a_key_that_was_replaced_still_opens(settings):
    token = seal({"a": 1})
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key altogether, of thirty-two characters"
    assert unseal(token) == {"a": 1}


@pytest.mark.parametrize(
    "url",
    [
        *("http://93.184.216.34/", "https://127.0.0.1/", "https://10.1.2.3/x", "https://[::1]/"),
        *("https://169.254.169.254/latest", "https://localhost/", "https://[::ffff:10.0.0.1]/"),
        *("https://user:pass@93.184.216.34/", "ftp://93.184.216.34/", "no address", ""),
    ],
)
def test_a_webhook_goes_to_public_addresses_only(url):
    with pytest.raises(InvalidInput) as refused:
        hook(url=url)
    assert "url" in refused.value.fields
    assert not AlertChannel.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        *("nonsense", "nosuchservice://x", "syslog://", "dbus://", ""),
        *("json://127.0.0.1/x", "xml://10.0.0.5/", "ntfy://localhost/topic", "json://[::1]/"),
        *("mailto://me:pw@example.com?smtp=127.0.0.1", "json://printer.local/"),
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template=/etc/passwd",
    ],
)
def test_an_apprise_address_names_no_private_host(url):
    with pytest.raises(InvalidInput) as refused:
        channels.channel_create(name="a", kind="apprise", options={"url": url})
    assert "url" in refused.value.fields


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"language": "xx"}, "language"),
        ({"quiet_from": "22:00"}, "quiet_until"),
        ({"digest_minutes": -1}, "digest_minutes"),
        ({"name": ""}, "name"),
        ({"kind": "pigeon"}, "kind"),
        ({"options": {"level": "loud"}}, "level"),
    ],
)
def test_what_a_channel_cannot_be_is_named(values, field):
    with pytest.raises(InvalidInput) as refused:
        channels.channel_create(**{"name": "x", "kind": "log", **values})
    assert field in refused.value.fields
