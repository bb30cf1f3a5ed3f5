"""A version's card, its audit and the decision about it: the same facts on every face."""

from __future__ import annotations

import datetime as dt
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from rest_framework.test import APIClient

from analytics.models import ModelEvent
from analytics.pages import audit, cards
from analytics.pages.models import NOTES, VERDICTS, comparison_rows
from analytics.selectors.models import model_decision, model_list, with_decisions
from analytics.services.prices.auditing import data_audit
from analytics.services.registry.cards import model_card
from tests.analytics.services.forecasts.test_drift import scores
from tests.factories import make_market, make_model, make_quotes, make_run

pytestmark = pytest.mark.any_database

HALF_HOUR = dt.timedelta(minutes=30)
FIGURES = {
    "metric": "crps",
    "verdict": "newer_and_not_worse",
    "better": True,
    "from": "2026-01-01T00:00:00+00:00",
    "until": "2026-01-31T00:00:00+00:00",
    "active": 0.912,
    "active_id": 1,
    "active_name": "lstm v1",
    "challenger": 0.915,
    "difference": 0.003,
    "method": "diebold_mariano",
    "n": 1400,
    "statistic": 0.61,
    "p_value": 0.544,
    "low": None,
    "high": None,
    "horizons": [{"steps": 6, "n": 1400, "champion": 0.0511, "challenger": 0.0522}],
    "note": "",
}


@pytest.fixture
def market(db):
    market = make_market()
    make_quotes(market, 400)
    return market


@pytest.fixture
def model(market):
    run = make_run(market, "price", "succeeded", config={"hidden": 32}, row_count=400)
    report = data_audit(market=market)
    run.audit = json.loads(json.dumps(report, default=str))
    run.save()
    metrics = {"crps": 0.8, "cov80_h1": 0.7, "cov90_h1": 0.91, "n_h1": 900, "mae_skill_h48": 1.02}
    made = make_model(market, run=run, metrics=metrics)
    ModelEvent.objects.create(
        model=made, label=str(made), action="promoted", automatic=True, figures=FIGURES
    )
    return made


@pytest.fixture
def client_of(admin_user):
    client = APIClient()
    client.force_authenticate(admin_user)
    return client


def test_a_card_is_made_of_what_is_stored(model):
    card = model_card(model)
    assert card["data"]["rows"] == 400
    assert card["data"]["audit"]["rows"] == 400
    assert card["training"]["config"] == {"hidden": 32}
    assert card["calibration"] == [
        {"horizon": 1, "n": 900, "coverage_80": 0.7, "coverage_90": 0.91}
    ]
    assert card["comparison"]["p_value"] == 0.544
    codes = [limit["code"] for limit in card["limits"]]
    assert codes[:2] == ["no_gain", "coverage"]
    assert {"data", "needs", "one_market"} <= set(codes)


def test_what_became_of_its_forecasts_is_its_own(model, market):
    scores(model, 50)
    scores(make_model(market, status="retired"), 80)
    assert [row["n"] for row in model_card(model)["live"]] == [50]


def test_a_poor_version_says_so_first(market):
    poor = make_model(market, status="candidate", beats_baseline=False, metrics={"crps": 1.2})
    card = model_card(poor)
    assert card["limits"][0] == {"code": "below_baseline", "baseline": "last_value"}
    assert card["comparison"] is None
    assert "does not beat last_value" in cards.markdown(card)


def test_every_limit_verdict_and_finding_has_words():
    assert {"below_baseline", "no_gain", "coverage", "data", "short_test", "needs"} < set(
        cards.LIMITS
    )
    assert all(str(text).endswith(".") for text in (*VERDICTS.values(), *NOTES.values()))
    assert {"too_short", "gaps", "sparse", "cadence", "stuck", "season"} <= set(audit.FINDINGS)


def test_page_markdown_json_and_command_tell_the_same(model, admin_client, client_of):
    text = cards.markdown(model_card(model))
    assert "p = 0.544" in text
    assert "| 1 | 900 | 70 % | 91 % |" in text
    answer = client_of.get(f"/api/v1/analytics/models/{model.pk}/card.md")
    assert answer["Content-Type"].startswith("text/markdown")
    assert answer.content.decode() == text
    facts = client_of.get(f"/api/v1/analytics/models/{model.pk}/card").json()
    assert facts["comparison"]["verdict"] == "newer_and_not_worse"
    call_command("model_card", str(model.pk), stdout=(out := StringIO()))
    assert out.getvalue() == text
    call_command("model_card", str(model.pk), "--json", stdout=(out := StringIO()))
    assert json.loads(out.getvalue())["figures"] == facts["figures"]
    page = admin_client.get(reverse("analytics:model-card", args=[model.pk])).content.decode()
    for section in cards.sections(model_card(model)):
        assert section.title in page
    assert "p = 0.544" in page


def test_a_card_speaks_spanish(model, admin_client):
    page = admin_client.get(
        reverse("analytics:model-card", args=[model.pk]), headers={"Accept-Language": "es"}
    )
    assert "Ficha del modelo" in page.content.decode()
    assert "más allá del azar" in page.content.decode()
    assert "con estas columnas: compra, venta" in page.content.decode()


def test_a_card_that_is_not_there_is_a_404(admin_client, client_of, db):
    assert admin_client.get("/models/99/").status_code == 404
    for tail in ("card", "card.md"):
        answer = client_of.get(f"/api/v1/analytics/models/99/{tail}")
        assert answer.status_code == 404
        assert "code" in answer.json()


def test_a_stranger_sees_no_card(client, model):
    assert client.get(f"/models/{model.pk}/").status_code == 302


def test_the_decision_is_in_api_admin_and_commands(model, admin_client, client_of):
    detail = client_of.get(f"/api/v1/analytics/models/{model.pk}").json()
    assert detail["comparison"]["challenger"] == 0.915
    assert detail["comparison"]["text"].startswith("No difference beyond chance")
    assert "comparison" not in client_of.get("/api/v1/analytics/models").json()["results"][0]
    page = admin_client.get(reverse("admin:analytics_trainedmodel_change", args=[model.pk]))
    assert "p = 0.544" in page.content.decode()
    call_command("list_models", stdout=(out := StringIO()))
    assert "0.9150 / 0.9120, p = 0.544" in out.getvalue()
    call_command("list_models", "--json", stdout=(out := StringIO()))
    assert json.loads(out.getvalue())[0]["comparison"]["n"] == 1400


def test_the_decision_is_the_last_one_with_figures(model):
    ModelEvent.objects.create(model=model, label="x", action="retired")
    ModelEvent.objects.create(model=model, label="x", action="promoted")
    assert model_decision(model).figures == FIGURES
    ModelEvent.objects.create(
        model=model, label="x", action="kept_back", figures={"verdict": "clearly_worse"}
    )
    assert model_decision(model).figures["verdict"] == "clearly_worse"


def test_decisions_of_many_take_one_query_more(model, market, django_assert_num_queries):
    for _ in range(3):
        make_model(market, status="retired")
    with django_assert_num_queries(2):
        assert [bool(model_decision(m)) for m in with_decisions(model_list())].count(True) == 1


def test_figures_of_an_older_kind_are_still_read():
    old = {"metric": "crps", "score": 0.9, "baseline": 1.0, "active": None, "better": True}
    assert comparison_rows(old) == []


# ------------------------------------------------------------------------------------- dashboard
def test_the_dashboard_shows_live_accuracy_and_drift(model, admin_client):
    own = reverse("analytics:market", args=[model.market_id])
    assert "Live accuracy" not in admin_client.get(own).content.decode()
    scores(model, 300)
    page = admin_client.get(own).content.decode()
    assert "Live accuracy" in page
    assert "as good as it promised" in page
    market_page = reverse("admin:analytics_market_change", args=[model.market_id])
    assert "as good as it promised" in admin_client.get(market_page).content.decode()
    scores(model, 300, steps=6, inside=0.2, seed=1, every=2 * HALF_HOUR)
    assert "drifted: its interval holds too rarely (80 %)" in admin_client.get(own).content.decode()


# --------------------------------------------------------------------------------------- promoting
def test_promoting_by_command_tells_what_decided(market):
    first = make_model(market, status="candidate")
    call_command("promote_model", str(first.pk), stdout=(out := StringIO()))
    assert "no other version was active" in " ".join(out.getvalue().split())
    poor = make_model(market, status="candidate", beats_baseline=False)
    with pytest.raises(CommandError):
        call_command("promote_model", str(poor.pk), stdout=StringIO(), stderr=(err := StringIO()))
    assert "It does not beat its own baseline." in err.getvalue()
