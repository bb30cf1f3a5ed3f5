"""What is told and what is not, without a database."""

from __future__ import annotations

import datetime as dt

import pytest

from analytics.alerts.channels import get_channel_kind, list_channel_kinds
from analytics.alerts.channels import register as register_channel
from analytics.alerts.machine import Manner, Sight, Standing, advance
from analytics.alerts.rules import get_kind, list_kinds, register
from analytics.alerts.signing import key_bytes, new_key, signature
from analytics.exceptions import InvalidInput
from analytics.venues.options import describe_options

T0 = dt.datetime(2026, 5, 4, 12, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def sights(pattern: str) -> list[Sight]:
    """A sight per minute: # on, . clear, ~ in between."""
    return [
        Sight(at=T0 + k * MINUTE, on=sign == "#", clear=sign == ".")
        for k, sign in enumerate(pattern)
    ]


@pytest.mark.parametrize(
    ("pattern", "cooldown", "crossing", "fires"),
    [
        ("..##..", 0, False, [2]),
        ("#~#~#", 0, False, [0]),
        ("#.#.#", 0, False, [0, 2, 4]),
        ("#.#.#", 3, False, [0, 4]),
        ("#.###", 3, False, [0, 3]),
        ("##.##", 0, True, [3]),
        (".##", 0, True, [1]),
        ("~~~", 0, False, []),
    ],
)
def test_what_fires(pattern, cooldown, crossing, fires):
    manner = Manner(cooldown=cooldown * MINUTE, crossing=crossing)
    _state, fired = advance(sights(pattern), None, manner)
    assert [(one.at - T0) // MINUTE for one in fired] == fires


@pytest.mark.parametrize("cut", range(9))
def test_looking_in_two_parts_or_again_changes_nothing(cut):
    seen = sights("..#~#.##.")
    whole, fired = advance(seen, None, Manner())
    first, early = advance(seen[:cut], None, Manner())
    second, late = advance(seen, first if cut else None, Manner())
    assert (second, early + late) == (whole, fired)


def test_nothing_old_fires_and_what_still_holds_does():
    manner = Manner(news_from=T0 + 3 * MINUTE)
    _state, fired = advance(sights("#####"), None, manner)
    assert [one.at for one in fired] == [T0 + 3 * MINUTE]


def test_an_event_is_told_once_by_its_key():
    event = Sight(at=T0, on=True, once=True, key="anomaly:7")
    later = Sight(at=T0 + 9 * MINUTE, on=True, once=True, key="anomaly:7")
    state, fired = advance([event, later], Standing(), Manner())
    assert fired == [event]
    assert advance([later], state, Manner())[1] == []


def test_every_kind_has_words_and_help_for_each_parameter():
    for kind in list_kinds():
        assert str(kind.title)
        for one in describe_options(kind.params):
            assert str(one["help"]), (kind.name, one["name"])
    with pytest.raises(InvalidInput):
        get_kind("nonsense")
    with pytest.raises(ValueError, match="already"):
        register(get_kind("level"))


def test_every_channel_says_what_is_secret():
    secret = {
        (kind.name, one["name"])
        for kind in list_channel_kinds()
        for one in describe_options(kind.params)
        if one["secret"]
    }
    assert secret == {("webhook", "url"), ("webhook", "key"), ("apprise", "url")}
    with pytest.raises(ValueError, match="already"):
        register_channel(get_channel_kind("log"))


def test_the_signature_is_that_of_the_standard():
    """The example of the Standard Webhooks specification."""
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert len(key_bytes(new_key())) == 32


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_???", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjU"])
def test_a_key_that_is_none_is_refused(key):
    with pytest.raises(ValueError, match="must"):
        key_bytes(key)
