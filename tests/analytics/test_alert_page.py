"""The page of alerts: what stands there, a rule tried before it is saved, the buttons."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model

from analytics.models import AlertChannel, AlertDelivery, AlertRule
from analytics.services.alerting import channels, rules
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    market = factories.make_market()
    factories.make_crossing(market)
    return market


@pytest.fixture
def dead() -> AlertDelivery:
    return factories.make_dead_delivery("<b>no</b>")


def page(client, path: str = "/alerts/", **data) -> str:
    answer = client.post(path, data, follow=True) if data else client.get(path)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def test_rules_channels_and_dead_letters_stand_there(admin_client, market, dead):
    rules.rule_create(name="dear", kind="level", params={"level": 11}, channels=[dead.channel])
    text = page(admin_client)
    for word in ("dear", "Price or spread across a level", "the log", "&lt;b&gt;no&lt;/b&gt;"):
        assert word in text
    assert "<script" not in text.split("<main")[1]


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", ("Percent: 2.5", "Hours: 24")), ("es", ("Por ciento: 2,5", "Horas: 24"))],
)
def test_parameters_are_written_as_the_reader_writes_figures(admin_client, market, language, said):
    rules.rule_create(name="fast", kind="move", params={"percent": 2.5, "hours": 24})
    admin_client.cookies["django_language"] = language
    shown = re.search(r"<small[^>]*>([^<]*\b24\b[^<]*)</small>", page(admin_client))
    assert shown is not None
    # PostgreSQL keeps them in an order of its own.
    assert set(said) <= set(shown[1].split(", "))


def test_a_rule_is_tried_and_then_saved(admin_client, market):
    form = {"kind": "level", "name": "dear", "market": market.symbol, "p_level": "11"}
    text = page(admin_client, "/alerts/rules/new/", do="try", **form)
    assert "It would have fired 1 time in the last 30 days." in text
    assert 'value="11"' in text
    assert not AlertRule.objects.exists()
    page(admin_client, "/alerts/rules/new/", do="save", **form)
    assert AlertRule.objects.get().params == {"level": 11.0}


@pytest.mark.parametrize(
    ("language", "typed", "meant"),
    [
        ("es", "9,65", 9.65),
        ("es", "9.65", 9.65),
        ("es", "1.234,5", 1234.5),
        ("es", "1.234.567", 1_234_567),
        ("es", "0.250", 0.25),
        ("es", "1500", 1500),
        ("en", "9.65", 9.65),
        ("en", "1.500", 1.5),
    ],
)
def test_a_figure_is_taken_as_the_reader_types_it(admin_client, market, language, typed, meant):
    admin_client.cookies["django_language"] = language
    form = {"kind": "level", "name": "dear", "market": market.symbol, "p_level": typed}
    page(admin_client, "/alerts/rules/new/", do="save", **form)
    assert AlertRule.objects.get().params["level"] == meant


@pytest.mark.parametrize(
    ("language", "typed", "said"),
    [
        ("es", "1.500", "podría ser 1500 o 1,500"),
        ("es", "9,6,5", "debe ser un número"),
        ("es", "12.34,5", "debe ser un número"),
        ("en", "1,500", "must be a number"),
    ],
)
def test_a_figure_that_could_be_two_is_asked_for_again(admin_client, market, language, typed, said):
    admin_client.cookies["django_language"] = language
    form = {"kind": "level", "name": "dear", "market": market.symbol, "p_level": typed}
    answer = admin_client.post("/alerts/rules/new/", {"do": "save", **form})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert f'value="{typed}"' in answer.content.decode()
    assert not AlertRule.objects.exists()


def test_the_defaults_of_a_form_are_the_reader_s_figures(admin_client):
    admin_client.cookies["django_language"] = "es"
    text = page(admin_client, "/alerts/rules/new/")
    assert re.search(r'id="p_hysteresis\w*"[^>]*value="0,2"', text)


@pytest.mark.parametrize(("language", "most"), [("en", "1,000,000"), ("es", "1.000.000")])
def test_bounds_are_in_plain_digits(admin_client, language, most):
    admin_client.cookies["django_language"] = language
    assert f"(0 – {most})" in page(admin_client, "/alerts/rules/new/?kind=arbitrage")


def test_a_kind_that_cannot_be_tried_says_so(admin_client, market):
    text = page(admin_client, "/alerts/rules/new/", do="try", kind="worker_gone", name="w")
    assert "cannot be tried" in text


def test_what_is_wrong_stands_beside_its_field(admin_client, market):
    form = {"kind": "level", "name": "dear", "do": "save"}
    answer = admin_client.post("/alerts/rules/new/", form)
    assert answer.status_code == 400
    assert "must be given: a number" in answer.content.decode()
    answer = admin_client.post("/alerts/channels/new/", {"kind": "log", "timezone": "Mars"})
    assert answer.status_code == 400
    assert "America/La_Paz" in answer.content.decode()


def test_a_signing_key_is_shown_once(admin_client):
    form = {"kind": "webhook", "name": "hook", "p_url": "https://93.184.216.34/sesame"}
    text = page(admin_client, "/alerts/channels/new/", **form)
    assert "whsec_" in text
    text = page(admin_client)
    assert "whsec_" not in text
    assert "sesame" not in text


def test_the_buttons_do_what_they_say(admin_client, market, dead):
    channel = dead.channel
    rule = rules.rule_create(name="dear", kind="level", params={"level": 11})
    assert "on its way" in page(admin_client, f"/alerts/resend/{dead.pk}/", x="1")
    assert "The message was taken." in page(admin_client, f"/alerts/test/{channel.pk}/", x="1")
    page(admin_client, f"/alerts/switch-rule/{rule.pk}/", x="1")
    page(admin_client, f"/alerts/switch-channel/{channel.pk}/", x="1")
    assert not AlertRule.objects.get().enabled
    assert not AlertChannel.objects.get().enabled
    page(admin_client, f"/alerts/delete-rule/{rule.pk}/", x="1")
    page(admin_client, f"/alerts/delete-channel/{channel.pk}/", x="1")
    assert not AlertRule.objects.exists()
    assert not AlertChannel.objects.exists()
    assert admin_client.post("/alerts/explode/1/").status_code == 404


def test_who_is_no_staff_looks_and_changes_nothing(client, market, dead):
    assert client.get("/alerts/").status_code == 302
    client.force_login(get_user_model().objects.create_user("ana"))
    text = page(client)
    assert "the log" in text
    assert "<button" not in text.split("<main")[1]
    assert client.get("/alerts/rules/new/").status_code == 403
    assert client.post(f"/alerts/resend/{dead.pk}/").status_code == 403


def test_it_is_there_in_spanish(admin_client, market, dead):
    answer = admin_client.get("/alerts/", headers={"accept-language": "es"})
    assert "Abandonados" in answer.content.decode()


@pytest.mark.parametrize("kind", [one["name"] for one in rules.kinds_described()])
def test_every_kind_has_a_form(admin_client, market, kind):
    text = page(admin_client, f"/alerts/rules/new/?kind={kind}")
    for one in next(k for k in rules.kinds_described() if k["name"] == kind)["params"]:
        assert f'name="p_{one["name"]}"' in text


def test_the_admin_shows_them_and_no_secret(admin_client, market, dead):
    hook = channels.channel_create(
        name="hook", kind="webhook", options={"url": "https://93.184.216.34/sesame"}
    )
    rules.rule_create(name="dear", kind="level", params={"level": 11})
    for name, pk in (("alertchannel", hook.pk), ("alertrule", None), ("alertdelivery", dead.pk)):
        text = page(admin_client, f"/admin/analytics/{name}/")
        text += page(admin_client, f"/admin/analytics/{name}/{pk}/change/") if pk else ""
        assert "sesame" not in text
        assert "gAAAA" not in text
    data = {"action": "resend", "_selected_action": dead.pk}
    admin_client.post("/admin/analytics/alertdelivery/", data)
    assert AlertDelivery.objects.get(pk=dead.pk).status == "pending"
