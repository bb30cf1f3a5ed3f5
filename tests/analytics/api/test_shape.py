"""What holds for every call: the shape of errors, the languages, the root, the schema, the docs."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError
from django.urls import get_resolver

from analytics.api.authentication import TokenAuthentication
from analytics.api.renderers import FiniteJSONRenderer
from analytics.exceptions import Unavailable
from analytics.services import status
from analytics.services.forecasts import prediction

from .conftest import CALLS, ROOT, Caller, assert_error

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def test_an_unexpected_error_is_logged_and_tells_nothing(api, market, monkeypatch, caplog):
    def explode(**_):
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(prediction, "forecast_make", explode)
    with caplog.at_level(logging.ERROR, logger="analytics.api"):
        found = assert_error(api.post("dl/predict-price"), 500, "internal")
    assert "hunter2" not in json.dumps(found)
    assert "hunter2" in caplog.text
    assert "Traceback" in caplog.text


def test_the_server_s_own_fault_is_503(api, market, monkeypatch):
    def broken(**_):
        raise Unavailable("The artifact is broken.", "artifact_broken")

    monkeypatch.setattr(prediction, "forecast_make", broken)
    assert_error(api.post("dl/predict-price"), 503, "artifact_broken")


def away(*_args, **_how):
    raise OperationalError('connection to server at "db.internal", user "paralelo" failed')


def test_a_database_that_is_away_is_503_and_strangers_learn_nothing_of_it(
    settings, as_user, monkeypatch, caplog
):
    """With the database away nobody's token can be read."""
    settings.DEBUG = False
    monkeypatch.setattr(TokenAuthentication, "authenticate_credentials", away)
    found = assert_error(as_user.get("markets/"), 503, "database_error")
    assert "internal" not in json.dumps(found)
    assert "log" in found["message"]
    assert "db.internal" in caplog.text


def test_who_runs_the_server_in_debug_reads_why_the_database_is_away(api, monkeypatch):
    monkeypatch.setattr(status, "model_info", away)
    assert "db.internal" in assert_error(api.get("dl/model-info"), 503, "database_error")["message"]


def test_details_never_hide_the_shape(api, monkeypatch):
    def broken(**_):
        raise Unavailable("No.", "no", fields={"a": "b"}, needed=3, values=[float("nan")])

    monkeypatch.setattr(status, "model_info", broken)
    found = assert_error(api.get("dl/model-info"), 503, "no", "a")
    assert (found["needed"], found["values"]) == (3, [None])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["nothing", "nothing/", "dl/", "dl/x", "markets/x/y"])
def test_an_unknown_address_is_404_for_everybody(method, path):
    assert_error(Caller()(method, path), 404, "not_found")


def test_messages_come_in_the_language_asked_for(api):
    assert api.get("markets/77", **{"accept-language": "es"}).json()["message"] == "No encontrado."


def test_an_answer_in_an_unknown_format_is_refused(api):
    assert_error(api.get("markets", accept="image/png"), 406, "not_acceptable")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_rendered_as_null(value):
    data = {"a": [value, (1.5, value)], "b": {"c": value}, "d": "x"}
    rendered = json.loads(FiniteJSONRenderer().render(data))
    assert rendered == {"a": [None, [1.5, None]], "b": {"c": None}, "d": "x"}


# -------------------------------------------------------------------------------------- the root
def test_the_root_lists_everything_and_every_link_answers(api, market):
    links = api.get("").json()
    assert set(CALLS) <= links.keys()
    assert {"markets", "prices", "models", "schema", "docs", "token"} <= links.keys()
    for link in links.values():
        assert api.get(link.replace("http://127.0.0.1:8000", "")).status_code in (200, 405)


@pytest.mark.parametrize(
    "path", ["", "markets", "prices", "training-runs", "anomalies", "families", "dl/predict-price"]
)
def test_the_api_can_be_browsed_in_debug(api, quotes, models, path):
    page = api.get(path, accept="text/html")
    assert page.status_code in (200, 405)
    assert page["Content-Type"].startswith("text/html")


def test_a_browsed_page_holds_no_box_of_all_markets(api, market):
    from analytics.models import Market

    Market.objects.bulk_create(
        Market(asset=f"COIN{k}", fiat="USD", exchange="somewhere") for k in range(30)
    )
    for path in ("training-runs", "anomalies", "forecasts", "models"):
        assert b"COIN7" not in api.get(path, accept="text/html").content


def test_without_debug_there_are_no_pages():
    code = "from p2p import settings; print(settings.REST_FRAMEWORK['DEFAULT_RENDERER_CLASSES'])"
    environment = {
        **os.environ,
        "PARALELO_DEBUG": "0",
        "PARALELO_SECRET_KEY": "x" * 40,
        "PARALELO_ALLOWED_HOSTS": "example.org",
    }
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "['analytics.api.renderers.FiniteJSONRenderer']"


# ------------------------------------------------------------------------------------ the schema
@pytest.fixture(scope="module")
def schema() -> dict:
    import yaml

    out = io.StringIO()
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=out)
    return yaml.safe_load(out.getvalue())


def test_the_schema_is_made_without_a_warning_and_names_every_call(schema):
    paths = {path.rstrip("/") for path in schema["paths"]}
    assert {f"{ROOT}{name}" for name in CALLS} <= paths
    assert {f"{ROOT}{name}" for name in ("markets", "prices", "token", "families")} <= paths
    assert f"{ROOT}models/rollback" in paths


def test_the_schema_documents_parameters_bodies_and_errors(schema):
    train = schema["paths"][f"{ROOT}dl/train-price-predictor/"]["post"]
    names = {parameter["name"] for parameter in train["parameters"]}
    assert {"epochs", "batch_size", "learning_rate", "seed", "market", "until"} <= names
    assert {"202", "400", "401", "403", "404", "409"} <= train["responses"].keys()
    scan = schema["paths"][f"{ROOT}dl/detect-anomalies/"]["post"]
    names = {"threshold", "alarm_rate", "sensitivity", "mode", "from", "to", "market"}
    assert names == {p["name"] for p in scan["parameters"]}
    assert "503" in scan["responses"]
    bodies = schema["components"]["schemas"]
    assert {"code", "message", "fields"} == bodies["Error"]["properties"].keys()
    assert "sequence" in bodies["PredictInput"]["properties"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_schema_and_docs_are_served(api, slash):
    assert api.get(f"schema{slash}").status_code == 200
    page = api.get(f"docs{slash}", accept="text/html")
    assert page.status_code == 200
    # Offline: everything comes from this server.
    assert b"/static/drf_spectacular_sidecar/" in page.content
    assert b"cdn" not in page.content.lower()


def test_every_address_works_with_and_without_a_slash(api, market):
    patterns = [str(entry.pattern) for entry in get_resolver("analytics.api.urls").url_patterns]
    named = [p for p in patterns if p not in ("^$", "^.*$")]
    assert named
    assert all(pattern.endswith("/?$") for pattern in named)


@pytest.mark.parametrize(
    "path", ["", "markets", "markets/{}", "prices", "training-runs", "models", "dl/predict-price"]
)
def test_options_answers_without_a_list_of_every_market(api, market, path):
    answer = api("OPTIONS", path.format(market.pk))
    assert answer.status_code == 200
    assert market.symbol not in answer.content.decode()


def test_the_document_names_every_resource_and_call():
    from analytics.api import urls

    text = (settings.BASE_DIR / "docs" / "api.md").read_text(encoding="utf-8")
    names = [prefix for prefix, _viewset, _name in urls.router.registry]
    names += [f"dl/{address}" for address, _name, _view in urls.CALLS]
    assert [name for name in names if name not in text] == []
