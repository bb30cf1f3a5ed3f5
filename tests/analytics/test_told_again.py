"""What was stored in English is read in Spanish, and what was stored in Spanish in English: through
the API, on pages, in the admin, in alerts and by commands. What people typed stays as typed."""

from __future__ import annotations

import datetime as dt
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import CharField, TextField
from django.test import RequestFactory
from django.urls import get_resolver, reverse
from django.utils import timezone, translation
from rest_framework.serializers import ModelSerializer

import ml
from analytics.api.fields import Retold
from analytics.models import (
    AlertChannel,
    AlertDelivery,
    AlertRule,
    AnomalyWatch,
    ImportRun,
    ModelEvent,
    PriceHistory,
    VenueStatus,
    WorkerHeartbeat,
)
from analytics.pages.runs import import_report
from analytics.services.alerting.composing import delivery_words
from analytics.services.anomalies.watching import watch_failed
from analytics.services.translate import from_ml
from tests import factories

pytestmark = pytest.mark.django_db

ENGLISH = "Only 12 windows without a gap are left to learn from; 400 are needed."
SPANISH = "Solo quedan 12 ventanas sin huecos de las que aprender; se necesitan 400."
ROOT = "/api/v1/analytics/"
ES = {"accept-language": "es"}


@pytest.fixture
def market():
    return factories.make_market()


@pytest.fixture
def failed(market):
    return factories.make_run(
        market, "price", "failed", error_message=ENGLISH, finished_at=timezone.now()
    )


def shown(client, address, language="es"):
    answer = client.get(address, headers={"accept-language": language}, follow=True)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def rows(client, path, language="es"):
    return json.loads(shown(client, ROOT + path, language))["results"]


def assert_told(page):
    """Both say the same; one of them is for this reader."""
    assert SPANISH in page
    assert ENGLISH not in page


# ------------------------------------------------------------------------------------ refused by ml
def test_what_ml_refuses_to_train_is_told_by_the_api(admin_client, market):
    factories.make_quotes(market, 5)
    answer = admin_client.post(
        f"{ROOT}dl/train-price-predictor",
        {"epochs": 0, "moon": 1},
        content_type="application/json",
        headers=ES,
    )
    found = answer.json()
    assert (answer.status_code, found["code"]) == (400, "bad_config")
    assert found["message"] == "Algunos parámetros de entrenamiento no se pueden usar."
    assert found["fields"]["epochs"] == "debe estar entre 1 y 1000, no 0"
    assert found["fields"]["moon"].startswith("parámetro desconocido; se conocen ")


def test_what_ml_refuses_to_predict_is_told_by_the_api(admin_client, market):
    now = timezone.now()
    PriceHistory.objects.bulk_create(
        PriceHistory(market=market, timestamp=now - dt.timedelta(minutes=30 * k), price=10)
        for k in range(60)
    )
    answer = admin_client.post(
        f"{ROOT}dl/predict-spread", {}, content_type="application/json", headers=ES
    )
    found = answer.json()
    assert (answer.status_code, found["code"]) == (400, "bad_quotes")
    assert found["message"].startswith("Un spread necesita los dos lados del mercado")
    assert found["fields"] == {"bid": "no está", "ask": "no está"}


def test_what_ml_refuses_is_told_by_commands(market):
    factories.make_quotes(market, 5)
    with translation.override("es"), pytest.raises(CommandError) as refused:
        call_command("train_model", "price", param=["epochs=0"], stdout=StringIO())
    assert str(refused.value).startswith("Algunos parámetros de entrenamiento no se pueden usar.")
    assert "epochs: debe estar entre 1 y 1000, no 0" in str(refused.value)


# ------------------------------------------------------------------------------------------- runs
@pytest.mark.parametrize("path", ["training-runs", "training-runs/{pk}"])
def test_why_a_run_failed_is_told_by_the_api(admin_client, failed, path):
    address = ROOT + path.format(pk=failed.pk)
    for language, text in (("es", SPANISH), ("en", ENGLISH)):
        assert f'"error_message":"{text}"' in shown(admin_client, address, language)


def test_a_run_that_failed_in_spanish_is_told_in_english(admin_client, failed):
    type(failed).objects.update(error_message=SPANISH)
    (row,) = rows(admin_client, "training-runs", "en")
    assert row["error_message"] == ENGLISH


def test_why_a_backtest_failed_is_told_by_the_api(admin_client, market):
    factories.make_backtest(market, status="failed", error_message=ENGLISH)
    (row,) = rows(admin_client, "backtests")
    assert row["error_message"] == SPANISH


def test_why_runs_failed_is_told_on_the_pages(admin_client, market, failed):
    factories.make_backtest(market, status="failed", error_message=ENGLISH)
    for name, args in (
        ("model-run", [failed.pk]),
        ("models-task", [market.pk, "price"]),
        ("operations", []),
        ("home", []),
    ):
        assert_told(shown(admin_client, reverse(f"analytics:{name}", args=args)))


def test_why_runs_failed_is_told_in_the_admin(admin_client, market, failed):
    test = factories.make_backtest(market, status="failed", error_message=ENGLISH)
    sent = ImportRun.objects.create(
        upload="x", name="a.csv", size=1, status="failed", error_message=ENGLISH
    )
    for name, row in (("trainingrun", failed), ("backtestrun", test), ("importrun", sent)):
        assert_told(shown(admin_client, reverse(f"admin:analytics_{name}_change", args=[row.pk])))


def test_an_exceptions_text_stays_as_it_was_stored(admin_client, failed):
    type(failed).objects.update(error_message="KeyError: 'price is missing'")
    (row,) = rows(admin_client, "training-runs")
    assert row["error_message"] == "KeyError: 'price is missing'"


# ---------------------------------------------------------------------------------------- imports
def test_what_an_import_did_is_told_on_its_page_and_in_the_admin(admin_client):
    report = {
        **dict.fromkeys(("read", "new", "updated", "unchanged", "merged", "rejected"), 0),
        **{"left_out": 0, "markets": [], "created": [], "rejects_path": False},
        "reasons": ["12 × bid: must be a finite number (row 3: a is missing)"],
        "decisions": [
            {"what": "header", "chosen": "none", "why": "the first row holds data", "option": None},
            {"what": "columns", "chosen": "price=none", "why": "as the last time", "option": "x"},
        ],
    }
    run = ImportRun.objects.create(
        upload="x", name="a.csv", size=1, status="succeeded", language="en", report=report
    )
    with translation.override("es"):
        told = import_report(report)
    assert told["reasons"] == ["12 × bid: debe ser un número finito (fila 3: a is missing)"]
    assert told["decisions"][0]["what"] == "encabezado"
    assert told["decisions"][0]["chosen"] == "ninguno"
    assert told["decisions"][1]["chosen"] == "price=none"
    for address in (
        reverse("analytics:import-run", args=[run.pk]),
        reverse("admin:analytics_importrun_change", args=[run.pk]),
    ):
        page = shown(admin_client, address)
        assert "debe ser un número finito (fila 3: a is missing)" in page
        assert told["decisions"][0]["why"] in page


# --------------------------------------------------------------------------------------- versions
@pytest.fixture
def events(market):
    model = factories.make_model(market)
    own = {"model": model, "label": "gru", "figures": {"why": ENGLISH, "verdict": "not_compared"}}
    return [
        ModelEvent.objects.create(**own, action="kept_back", automatic=True, reason=ENGLISH),
        ModelEvent.objects.create(**own, action="promoted", reason=ENGLISH),
    ]


def test_the_products_reason_is_told_and_a_persons_is_not(events):
    with translation.override("es"):
        assert [event.why for event in events] == [SPANISH, ENGLISH]


def test_decisions_are_told_by_card_page_and_admin(admin_client, market, events):
    promoted = events[1]
    ModelEvent.objects.filter(pk=promoted.pk).delete()
    card = json.loads(shown(admin_client, f"{ROOT}models/{promoted.model_id}/card"))
    texts = json.dumps(card, ensure_ascii=False)
    assert_told(texts)
    assert_told(shown(admin_client, reverse("admin:analytics_modelevent_changelist")))
    change = reverse("admin:analytics_trainedmodel_change", args=[promoted.model_id])
    assert_told(shown(admin_client, change))


# ----------------------------------------------------------------------------------------- venues
def test_why_a_source_cannot_be_read_is_told(admin_client, market):
    english = "The venue answered with status 503: it has trouble itself."
    spanish = "La plataforma respondió con el estado 503: ella misma tiene problemas."
    now = timezone.now()
    source = factories.make_source(
        market, last_error=english, last_error_code="server_trouble", last_error_at=now, failures=1
    )
    source.reasons.update(message=english)
    (row,) = rows(admin_client, "sources")
    assert row["last_error"] == spanish
    page = shown(admin_client, reverse("admin:analytics_marketsource_change", args=[source.pk]))
    assert spanish in page
    assert english not in page
    collected = shown(admin_client, f"{ROOT}markets/{market.pk}/collection")
    assert spanish in collected


# ----------------------------------------------------------------------------------------- alerts
def test_what_is_wrong_with_alerts_is_told(admin_client, market):
    english = "The service did not answer within 20 s."
    with translation.override("es"):
        spanish = "El servicio no respondió en 20 s."
    now = timezone.now()
    channel = AlertChannel.objects.create(
        name="c", kind="log", failures=1, last_error=english, last_error_at=now
    )
    rule = AlertRule.objects.create(name="r", kind="level", problem=english)
    rule.channels.add(channel)
    AlertDelivery.objects.create(
        key="k",
        channel=channel,
        rule=rule,
        rule_name="r",
        kind="stale",
        happened_at=now,
        due_at=now,
        values={"minutes": 5, "last": now.isoformat()},
        status="dead",
        error=english,
    )
    found = [
        rows(admin_client, "alert-channels")[0]["last_error"],
        rows(admin_client, "alert-rules")[0]["problem"],
        rows(admin_client, "alert-deliveries")[0]["error"],
    ]
    assert found == [spanish] * 3
    page = shown(admin_client, reverse("analytics:alerts"))
    assert page.count(spanish) >= 3
    assert english not in page
    for name in ("alertchannel", "alertrule", "alertdelivery"):
        listed = shown(admin_client, reverse(f"admin:analytics_{name}_changelist"))
        assert spanish in listed
        assert english not in listed
    delivery = AlertDelivery.objects.get()
    address = reverse("admin:analytics_alertdelivery_change", args=[delivery.pk])
    assert spanish in shown(admin_client, address)


def test_an_alert_about_a_failed_training_is_in_its_readers_language():
    values = {"run": 3, "task": "price", "code": "not_enough_data", "message": ENGLISH}
    with translation.override("es"):
        assert SPANISH in delivery_words("training_failed", values)


# ----------------------------------------------------------------------------------------- watches
def test_why_a_market_is_not_watched_is_told(admin_client, market):
    factories.make_quotes(market, 5)
    error = ml.ArtifactBroken("The weights of price-1 cannot be read.")
    watch_failed(market=market, error=from_ml(error))
    assert AnomalyWatch.objects.get().detail == "The weights of price-1 cannot be read."
    told = "Los pesos de price-1 no se pueden leer."
    watch = json.loads(shown(admin_client, f"{ROOT}markets/{market.pk}"))["watch"]
    assert watch["detail"] == told
    assert watch["why"].endswith(told)


def test_why_a_worker_was_restarted_is_told(admin_client):
    now = timezone.now()
    WorkerHeartbeat.objects.create(
        name="w",
        pid=1,
        started_at=now,
        seen_at=now,
        restarts=1,
        restarted_at=now,
        restart_reason="it ended with code 9",
    )
    for address in (
        reverse("analytics:operations"),
        reverse("admin:analytics_workerheartbeat_changelist"),
    ):
        page = shown(admin_client, address)
        assert "terminó con el código 9" in page
        assert "it ended with code" not in page


# ------------------------------------------------------------------------- no face shows them raw
#: Fields that hold what the product wrote, as it was written. (VenueStatus.last_error is a code.)
STORED = {"error_message", "last_error", "problem", "error", "message", "restart_reason"}


def models_with_sentences():
    for model in apps.get_app_config("analytics").get_models():
        texts = [f for f in model._meta.get_fields() if isinstance(f, TextField | CharField)]
        stored = {f.name for f in texts if f.name in STORED}
        if stored and model is not VenueStatus:
            yield model, stored


def test_the_models_that_keep_sentences_are_known():
    assert {model.__name__ for model, _stored in models_with_sentences()} == {
        *("TrainingRun", "BacktestRun", "ImportRun", "MarketSource", "CollectionFailure"),
        *("AlertChannel", "AlertRule", "AlertDelivery", "WorkerHeartbeat"),
    }


def test_no_serializer_answers_a_stored_sentence_as_it_is():
    kept = dict(models_with_sentences())
    get_resolver().url_patterns  # noqa: B018 (loads every resource)
    found = 0
    for kind in serializers_of(ModelSerializer):
        meta = getattr(kind, "Meta", None)
        for name in kept.get(getattr(meta, "model", None), set()) & set(
            getattr(meta, "fields", ())
        ):
            assert isinstance(kind().fields[name], Retold), f"{kind.__name__}.{name}"
            found += 1
    assert found >= 6


def serializers_of(kind):
    for child in kind.__subclasses__():
        yield child
        yield from serializers_of(child)


def test_no_template_prints_a_stored_sentence_as_it_is():
    names = "|".join(sorted(STORED))
    raw = re.compile(r"\{\{ ?[\w.]*row\.(" + names + r")\b(?!\|retold)[^}]*\}\}")
    files = [*(Path(settings.BASE_DIR) / "templates").rglob("*.html")]
    assert len(files) > 50
    assert raw.search("{{ line.row.error_message|default:1 }}")
    assert {f.name: m[0] for f in files if (m := raw.search(f.read_text()))} == {}


def test_the_admin_shows_no_stored_sentence_as_it_is():
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    shown_raw = {}
    for model, stored in models_with_sentences():
        if model in admin.site._registry:
            own = admin.site._registry[model]
            names = {*own.get_list_display(request), *flatten_fieldsets(own.get_fieldsets(request))}
            shown_raw[model.__name__] = names & stored
    assert set().union(*shown_raw.values()) == set()
    assert "AlertDelivery" in shown_raw
