"""What misled people who looked at the pages: zones, figures in sentences, logs, defaults."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import translation

from analytics import words
from analytics.conf import conf
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
NOON = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def reader(admin_client):
    """An admin whose browser is in La Paz (UTC-4)."""
    admin_client.cookies["browser_zone"] = "America/La_Paz"
    return admin_client


@pytest.mark.parametrize(("language", "said"), [("es", "1,6 %"), ("en", "1.6 %")])
def test_figures_in_a_sentence_have_the_marks_of_the_language(language, said):
    template = "steady drift up: %(size)s in the last %(rows)s readings"
    with translation.override(language):
        assert said in words.sentence([[template, {"size": "1.6 %", "rows": 5}]], "")


def test_words_in_a_sentence_stay_words():
    with translation.override("es"):
        said = words.sentence([["%(what)s missing", {"what": "bid_volume"}]], "")
    assert said == "falta volumen de compra"


def test_the_admin_is_in_the_readers_zone_and_names_it(reader):
    event = factories.make_event(factories.make_model(factories.make_market(), "anomaly"))
    type(event).objects.update(start=NOON, peak=NOON, end=NOON)
    listed = reader.get(reverse("admin:analytics_anomalyevent_changelist")).content.decode()
    assert "2026-06-01 08:00 UTC-4" in listed
    assert "Times: America/La_Paz" in listed
    page = reader.get(reverse("admin:analytics_anomalyevent_change", args=[event.pk]))
    assert "2026-06-01 08:00" in page.content.decode()


def test_a_moment_typed_in_the_admin_is_of_the_readers_zone(reader, monkeypatch):
    from analytics.admin import deletions
    from analytics.exceptions import Conflict

    asked = []

    def delete(**given):
        asked.append(given["start"])
        raise Conflict("so many")

    monkeypatch.setattr(deletions, "prices_delete", delete)
    market = factories.make_market()
    sent = {"action": "delete_quotes", "_selected_action": market.pk, "confirmed": "1"}
    sent["start"] = "2026-06-01 08:00"
    reader.post(reverse("admin:analytics_market_changelist"), sent)
    assert asked == [NOON]


def test_the_page_of_a_training_shows_the_end_of_its_log(reader, client, request):
    run = factories.make_run(factories.make_market(), status="failed")
    address = reverse("analytics:model-run", args=[run.pk])
    assert 'class="log"' not in reader.get(address).content.decode()
    conf().logs.mkdir(parents=True, exist_ok=True)
    lines = [f"line {k}" for k in range(60)]
    log = conf().logs / f"run-{run.pk}.log"
    request.addfinalizer(log.unlink)
    log.write_text("\n".join([*lines, "<b>the reason</b>"]))
    page = reader.get(address).content.decode()
    assert "&lt;b&gt;the reason&lt;/b&gt;" in page
    assert "line 59" in page
    assert "line 5\n" not in page
    client.force_login(factories.get_user_model().objects.create_user("reader"))
    assert "the reason" not in client.get(address).content.decode()


def test_a_new_rule_asks_for_a_level_first(reader):
    page = reader.get(reverse("analytics:alert-rule-new")).content.decode()
    assert '<option value="level" selected>' in page
    assert "1e+" not in page


def test_a_new_channel_speaks_as_its_maker_does(reader):
    reader.cookies["django_language"] = "es"
    page = reader.get(reverse("analytics:alert-channel-new")).content.decode()
    assert 'value="America/La_Paz"' in page
    assert '<option value="es" lang="es" selected>' in page
