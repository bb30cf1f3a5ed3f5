"""The Python client against the live server, and against the server's OpenAPI document."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import httpx
import pandas as pd
import pytest
from django.core.management import call_command

from analytics.models import AnomalyEvent, TrainingRun
from analytics.services.collection import amounts
from tests import factories

from .conftest import ROOT
from .fakes import NOW

CLIENT = Path(__file__).resolve().parents[3] / "clients" / "python"
sys.path.insert(0, str(CLIENT))

import paralelo_client  # noqa: E402
from paralelo_client import ParaleloError, Run, RunFailed, calls, records, to_frame  # noqa: E402

pytestmark = pytest.mark.any_database

SYMBOL = "USDT/BOB@binance_p2p"
CALLS = {n: call for n, call in vars(calls).items() if isinstance(call, calls.Call)}


@pytest.fixture
def client(transactional_db, live_server, staff, market, quotes):
    from rest_framework.authtoken.models import Token

    token = Token.objects.create(user=staff).key
    with paralelo_client.Client(live_server.url, token=token) as found:
        yield found


# --------------------------------------------------------------------------- against the document
@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    out = io.StringIO()
    call_command("spectacular", "--format", "openapi-json", stdout=out)
    return json.loads(out.getvalue())


def fields_of(document: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """Names of the fields of a body, whichever of its shapes."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    inner = [fields_of(document, shape) for shape in schema.get("oneOf", ())]
    return set(schema.get("properties", {})).union(*inner)


@pytest.mark.parametrize("name", CALLS)
def test_every_call_of_the_client_is_in_the_document(document, name):
    call = CALLS[name]
    documented = document["paths"][ROOT + call.path][call.method.lower()]
    assert set(call.query) <= {p["name"] for p in documented.get("parameters", ())}
    if call.body:
        media = documented["requestBody"]["content"]["application/json"]
        known = fields_of(document, media["schema"])
        assert set(call.body) <= known


@pytest.mark.parametrize(
    ("record", "schema"),
    [
        ("Market", "Market"),
        ("Quote", "Price"),
        ("AnsweredBy", "AnsweredBy"),
        ("PriceHorizon", "PriceHorizon"),
        ("PriceAnswer", "PriceAnswer"),
        ("PriceAnswers", "PriceAnswers"),
        ("FailedMarket", "FailedMarket"),
        ("ScanAnswer", "ScanAnswer"),
        ("AmountAnswer", "AmountAnswer"),
    ],
)
def test_every_record_has_the_fields_of_its_schema(document, record, schema):
    typed = get_type_hints(getattr(records, record))
    assert typed.keys() == document["components"]["schemas"][schema]["properties"].keys()


def test_a_call_that_the_server_does_not_know_would_be_found(document):
    wrong = dataclasses.replace(calls.MARKETS, query=("nonsense",))
    parameters = document["paths"][ROOT + wrong.path]["get"]["parameters"]
    assert not set(wrong.query) <= {p["name"] for p in parameters}


# ------------------------------------------------------------------------------ against the server
def test_quotes_are_read_page_after_page_and_streamed(client, quotes):
    paged = list(client.pages(calls.PRICES, market=SYMBOL, page_size=6))
    assert [row["timestamp"] for row in paged] == [
        f"{quote.timestamp:%Y-%m-%dT%H:%M:%SZ}" for quote in quotes
    ]
    assert list(client.prices(SYMBOL)) == paged
    streamed = list(client.export(SYMBOL))
    assert [row["bid"] for row in streamed] == [row["bid"] for row in reversed(paged)]
    assert len(list(client.export(SYMBOL, start=NOW - dt.timedelta(hours=1)))) == 3


def test_a_token_is_had_for_a_name_and_a_password(live_server, client):
    found = paralelo_client.Client.login(live_server.url, "eva", "a good password")
    with found:
        assert [market["symbol"] for market in found.markets()] == [SYMBOL]


def test_quotes_are_added(client):
    row = {"timestamp": NOW + dt.timedelta(minutes=30), "bid": 9.4, "ask": 9.5}
    assert client.add_prices(SYMBOL, [row])["new"] == 1
    assert client.add_prices(SYMBOL, [row])["unchanged"] == 1


def test_the_networks_answer(client, predictor, rows):
    stored = client.predict_price(SYMBOL)
    assert stored["market"] == SYMBOL
    assert client.predict_price(SYMBOL, sequence=rows)["predicted_price"] > 0
    assert client.predict_spread(SYMBOL)["task"] == "spread"
    found = client.detect_anomalies(SYMBOL, start=NOW - dt.timedelta(days=1), threshold=0.15)
    assert found["rows"] >= found["count"]
    assert client.recognize_patterns(SYMBOL, history=2)["current"]["label"]
    assert client.model_info(SYMBOL)["markets"][0]["market"] == SYMBOL
    assert next(client.forecasts(task="price"))["market"] == SYMBOL


def test_several_markets_are_asked_at_once(client, predictor):
    found = client.predict_prices([SYMBOL, "USDT/XXX"])
    assert [one["market"] for one in found["forecasts"]] == [SYMBOL]
    assert [(one["market"], one["code"]) for one in found["failed"]] == [
        ("USDT/XXX", "unknown_market")
    ]
    assert client.predict_spreads([SYMBOL])["forecasts"][0]["task"] == "spread"
    with pytest.raises(ParaleloError) as refused:
        client.predict_prices(["USDT/XXX", "USDT/YYY"])
    assert refused.value.code == "unknown_market"
    assert len(refused.value.details["failed"]) == 2


def test_a_training_is_followed_to_its_end(client, monkeypatch):
    """The history is too short for a real one: the run's row is moved on as a worker would."""
    from analytics.services.jobs import training

    monkeypatch.setattr(training, "training_request", lambda **_: factories_run())
    run = client.train("price", SYMBOL, epochs=3)
    told: list[str] = []

    def progress(state: dict[str, Any]) -> None:
        told.append(state["status"])
        following = {"queued": "running", "running": "succeeded"}.get(state["status"])
        TrainingRun.objects.filter(pk=run.id).update(status=following or state["status"])

    assert run.wait(progress, every=0.01, timeout=30)["status"] == "succeeded"
    assert told == ["queued", "running", "succeeded"]
    assert run.refresh() is False


def factories_run(**values: Any) -> TrainingRun:
    from analytics.models import Market

    from .conftest import make_run

    return make_run(Market.objects.get(), **{"status": "queued", **values})


def test_a_run_that_fails_or_takes_too_long_is_an_error(client):
    failed = factories_run(status="failed", error_code="no_data", error_message="Too little.")
    with pytest.raises(RunFailed, match="Too little") as found:
        Run(client, failed.pk).wait(timeout=5)
    assert found.value.code == "no_data"
    with pytest.raises(TimeoutError):
        Run(client, factories_run(task="spread").pk).wait(every=0.01, timeout=0.05)


def test_a_run_is_cancelled(client):
    assert Run(client, factories_run().pk).cancel()["cancel_requested"] is True


def test_an_amount_is_priced(client, monkeypatch):
    seen: dict[str, Any] = {}

    def priced(*, market: Any, now: Any, **asked: Any) -> dict[str, Any]:
        seen.update(asked)
        return {"market": market.symbol, "price": 9.4}

    monkeypatch.setattr(amounts, "amount_price", priced)
    assert client.price_for_amount(SYMBOL, "buy", 5000, min_completion=0.95)["price"] == 9.4
    assert {k: str(v) for k, v in seen.items()} == {
        **{"side": "buy", "amount": "5000.00000000", "currency": "fiat"},
        "min_completion": "0.9500",
    }


def test_an_event_is_judged(client, models):
    factories.make_anomaly(models["anomaly"], timestamp=NOW, score=0.3)
    event = next(client.anomaly_events(market=SYMBOL))
    assert client.judge(event["id"], true_alarm=False, note="A holiday.")["feedback"] == "false"
    assert AnomalyEvent.objects.get().note == "A holiday."


def test_families_are_listed(client):
    assert {family["task"] for family in client.families("pattern")} == {"pattern"}


def test_what_has_not_changed_is_not_read_again(client):
    rows, tag = client.changed(calls.MARKETS, None)
    assert rows["count"] == 1
    assert client.changed(calls.MARKETS, tag) is None


# ------------------------------------------------------------------------------------- its errors
def test_a_refusal_is_an_error_with_code_and_fields(client):
    with pytest.raises(ParaleloError) as found:
        client.predict_price("USDT/XXX")
    assert (found.value.code, found.value.status) == ("unknown_market", 404)
    assert "market" in found.value.fields
    assert "market" in str(found.value)
    with pytest.raises(ParaleloError, match="There is no market"):
        client.price_for_amount("nothing", "buy", 1)
    with pytest.raises(ParaleloError) as found:
        list(client.export(77))
    assert found.value.status == 404


def test_a_name_that_a_call_does_not_take_is_the_caller_s_error(client):
    with pytest.raises(TypeError, match="nonsense"):
        client.detect_anomalies(SYMBOL, nonsense=1)


def test_without_a_token_the_server_says_so(live_server, client):
    with (
        paralelo_client.Client(live_server.url, language="es") as guest,
        pytest.raises(ParaleloError) as found,
    ):
        guest.markets()
    assert (found.value.status, found.value.code) == (401, "not_authenticated")


def test_an_answer_of_a_proxy_is_an_error_too():
    from paralelo_client.errors import refusal

    page = httpx.Response(502, text="<h1>Bad gateway</h1>")
    assert refusal(page).code == "http_error"


# ------------------------------------------------------------------------------------- its frames
def test_quotes_become_a_frame_by_time(client, quotes):
    frame = to_frame(client.export(SYMBOL))
    assert isinstance(frame.index, pd.DatetimeIndex)
    assert str(frame.index.tz) == "UTC"
    assert frame.index.is_monotonic_increasing
    assert len(frame) == len(quotes)
    assert frame["bid"].iloc[-1] == 9.31


def test_a_forecast_becomes_a_frame_by_horizon(client, predictor):
    answer = client.predict_price(SYMBOL)
    frame = to_frame(answer)
    assert len(frame) == len(answer["horizons"])
    assert any(name.startswith("quantiles.") for name in frame)
    assert len(to_frame(client.markets())) == 1


def test_it_installs_with_pip_and_needs_no_pandas(tmp_path):
    target = tmp_path / "lib"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    source = tmp_path / "python"
    # Beside the tree, which a build would write into.
    import shutil

    shutil.copytree(CLIENT, source, ignore=shutil.ignore_patterns("build", "*.egg-info"))
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, capture_output=True)
    code = (
        "import sys; sys.modules['pandas'] = None; import paralelo_client as p; "
        "print(p.__file__, p.Client('http://127.0.0.1:1'))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(target)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert str(target) in out.stdout
    assert (target / "paralelo_client" / "py.typed").exists()
