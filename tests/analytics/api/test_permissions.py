"""Who may do what: the open door of DEBUG, foreign pages, tokens, sessions, staff."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from rest_framework.authtoken.models import Token

from analytics.models import AnomalyResult, Market, MarketSource, TrainedModel, TrainingRun

from .conftest import ROOT, TRAIN, Caller, assert_error, count_rows, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
MARKET = {"asset": "USDT", "fiat": "ARS", "exchange": "bybit_p2p"}
READS = (
    "", "dl/model-info", "markets", "training-runs", "models", "forecasts", "anomalies",
    "anomaly-events", "patterns", "families", "schema", "sources", "sources/venues",
)  # fmt: skip
ACTS = (
    "dl/train-price-predictor", "dl/predict-price", "dl/detect-anomalies", "markets", "prices",
    "training-runs", "training-runs/1/cancel", "models/1/promote", "models/1/retire",
    "models/rollback", "anomalies/1/acknowledge", "anomalies/1/label", "anomaly-events/1/feedback",
    "sources", "sources/1/dry-run",
)  # fmt: skip
STAFF_ACTS = (
    *TRAIN, "markets", "prices", "training-runs", "training-runs/1/cancel",
    "models/1/promote", "models/1/retire", "models/rollback", "sources", "sources/1/dry-run",
    "anomalies/1/acknowledge", "anomalies/1/label", "anomaly-events/1/feedback",
)  # fmt: skip


# -------------------------------------------------------------------------- without DEBUG
@pytest.mark.parametrize("path", READS)
def test_reading_needs_credentials(path):
    answer = Caller().get(path, accept="application/json")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize("path", ACTS)
def test_acting_needs_credentials(path):
    before = count_rows()
    assert_error(Caller().post(path, {}), 401, "not_authenticated")
    assert count_rows() == before


@pytest.mark.parametrize("path", STAFF_ACTS)
def test_what_has_consequences_needs_staff(as_user, path):
    before = count_rows()
    assert_error(as_user.post(path, {}), 403, "permission_denied")
    assert count_rows() == before


def test_changing_a_market_needs_staff(as_user, as_staff, market):
    path, body = f"markets/{market.pk}", {"cadence_minutes": 5}
    assert_error(as_user("PATCH", path, body), 403, "permission_denied")
    assert as_staff("PATCH", path, body).status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_changing_a_source_needs_staff(as_user, as_staff, market, method):
    source = MarketSource.objects.create(market=market, venue="okx_p2p")
    assert_error(as_user(method, f"sources/{source.pk}", {}), 403, "permission_denied")
    assert MarketSource.objects.exists()
    assert as_staff(method, f"sources/{source.pk}", {}).status_code in (200, 204)


@pytest.mark.parametrize("path", READS)
def test_any_account_may_read(as_user, market, path):
    assert as_user.get(path).status_code == 200


def test_any_account_may_predict(as_user, quotes, predictor):
    assert as_user.post("dl/predict-price").status_code == 200


def test_staff_may_do_what_others_may_not(as_staff, db):
    assert as_staff.post("markets", MARKET).status_code == 201


def test_a_wrong_token_is_refused(db):
    for header in ("Token nonsense", "Token", "Token a b", "Token \xff"):
        assert_error(Caller(authorization=header).get("markets"), 401, "authentication_failed")


def test_an_account_that_was_closed_is_refused(as_staff, staff):
    staff.is_active = False
    staff.save()
    assert_error(as_staff.get("markets"), 401, "authentication_failed")


def test_a_token_that_was_withdrawn_is_refused(as_staff, staff):
    assert as_staff.get("markets").status_code == 200
    staff.auth_token.delete()
    assert_error(as_staff.get("markets"), 401, "authentication_failed")


def test_a_session_needs_its_csrf_token_to_act(staff, settings):
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    send = {"data": MARKET, "content_type": "application/json"}
    assert_error(client.post(ROOT + "markets", **send), 403, "permission_denied")
    token = "a" * 32
    client.cookies[settings.CSRF_COOKIE_NAME] = token
    made = client.post(ROOT + "markets", headers={"x-csrftoken": token}, **send)
    assert made.status_code == 201


def test_debug_does_not_open_the_door_to_a_proxied_request(debug):
    # The middleware stops it before any view is reached.
    answer = Caller(host="127.0.0.1", **{"x-forwarded-for": "10.0.0.1"}).get("markets")
    assert answer.status_code == 403


# ------------------------------------------------------------------------------ with DEBUG
def test_debug_on_loopback_is_open(api):
    assert api.get("markets").status_code == 200
    assert api.post("markets", MARKET).status_code == 201


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "localhost"])
def test_the_own_page_may_act(debug, host):
    own = f"http://{host}"
    headers = {"origin": own, "referer": f"{own}/docs/", "sec-fetch-site": "same-origin"}
    assert Caller(host=host, **headers).post("markets", MARKET).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:8001"},
        {"origin": "https://127.0.0.1:8000"},
        {"origin": "http://localhost:8000"},
        {"origin": "http://127.0.0.1:8000@evil.example"},
        {"origin": "http://127.0.0.1:99999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"referer": "http://evil.example/127.0.0.1:8000"},
        {"referer": "http://127.0.0.1:8000.evil.example/"},
    ],
)
@pytest.mark.parametrize("path", [*ACTS, "token"])
def test_a_page_of_another_origin_may_not_act(debug, path, headers):
    before = count_rows()
    caller = Caller(host="127.0.0.1:8000", **headers)
    assert_error(caller.post(path, {}), 403, "bad_origin")
    assert count_rows() == before


def test_another_host_name_may_not_act(debug):
    assert_error(Caller(host="testserver").post("markets", MARKET), 403, "bad_host")
    assert_error(Caller(host="testserver").get("markets"), 401, "not_authenticated")
    assert not Market.objects.exists()


def test_a_foreign_page_may_not_use_a_session_either(debug, staff):
    client = Client()
    client.force_login(staff)
    headers = {"host": "127.0.0.1", "origin": "http://evil.example"}
    answer = client.post(ROOT + "markets", MARKET, content_type="application/json", headers=headers)
    assert_error(answer, 403, "bad_origin")


# ----------------------------------------------------------------------------------- tokens
def test_a_name_and_a_password_buy_a_token(user):
    caller = Caller()
    answer = caller.post("token", {"username": "ana", "password": "a good password"})
    assert answer.status_code == 200
    token = answer.json()["token"]
    assert Token.objects.get(user=user).key == token
    assert Caller(authorization=f"Token {token}").get("markets").status_code == 200


@pytest.mark.parametrize("password", ["wrong", "A good password", " a good password"])
def test_a_wrong_password_buys_nothing(user, password):
    answer = Caller().post("token/", {"username": "ana", "password": password})
    assert_error(answer, 401, "bad_credentials")
    assert not Token.objects.exists()


def test_a_password_in_the_address_is_refused(user):
    answer = Caller().post("token?username=ana&password=a+good+password")
    assert_error(answer, 400, "unknown_parameter", "password")


def test_guessing_is_slowed_down(user):
    body = {"username": "ana", "password": "wrong"}
    codes = [Caller().post("token", body).status_code for _ in range(10)]
    assert set(codes) == {401}
    answer = Caller().post("token", {"username": "ana", "password": "a good password"})
    found = assert_error(answer, 429, "throttled")
    assert int(answer["Retry-After"]) == found["retry_after"] > 0


# ------------------------------------------------------------------------- the caller is named
def test_who_asked_is_remembered(as_staff, staff, quotes, monkeypatch):
    from analytics.services.jobs import training

    seen = {}

    def request(**values):
        seen.update(values)
        return make_run(values["market"], status=TrainingRun.Status.QUEUED)

    monkeypatch.setattr(training, "training_request", request)
    assert as_staff.post("dl/train-price-predictor").status_code == 202
    assert seen["requested_by"] == staff
    assert TrainedModel.objects.count() == AnomalyResult.objects.count() == 0


# ------------------------------------------------------------------------- what a page may load
@pytest.mark.parametrize("address", ["/", "/admin/", ROOT, f"{ROOT}docs"])
def test_a_page_runs_no_script_of_its_own_text(admin_client, address):
    answer = admin_client.get(address, headers={"accept": "text/html"}, follow=True)
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    body = answer.content.decode()
    scripts = re.findall(r"<script\b([^>]*)>", body)
    assert all("src=" in s or "application/json" in s for s in scripts)
    assert not re.search(r"<[^>]*\son\w+=", body)
