"""The page of a market and the specs that keep its chart fresh."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from analytics.models import PriceHistory
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


@pytest.fixture
def market():
    market = factories.make_market()
    factories.make_quotes(market, 400)
    return market


def page(client, market, **asked):
    return client.get(reverse("analytics:market", args=[market.pk]), asked)


def chart(client, market, etag="", **asked):
    headers = {"If-None-Match": etag, "X-Requested-With": "fetch"}
    return client.get(reverse("analytics:market-chart", args=[market.pk]), asked, headers=headers)


def column(spec, name):
    """(x, values) of the rows that say something."""
    (table,) = [table for table in spec["tables"] if name in table["columns"]]
    pairs = zip(table["x"], table["columns"][name], strict=True)
    return [(x, value) for x, value in pairs if value is not None]


def test_one_time_axis_carries_price_spread_and_what_is_said_of_them(reader, market):
    now = timezone.now()
    model = factories.make_model(market)
    factories.make_forecast(model, as_of=now - 24 * HOUR)
    factories.make_forecast(model)
    detector = factories.make_model(market, "anomaly")
    event = factories.make_event(detector, start=now - 9 * HOUR, peak=now - 8 * HOUR, end=now)
    namer = factories.make_model(market, "pattern")
    for hours, label in ((5, "range"), (4, "range"), (3, "up-trend")):
        factories.make_pattern(namer, as_of=now - hours * HOUR, label=label)
    spec = chart(reader, market).json()
    price, spread = spec["panels"]
    lines = [line["column"] for line in price["lines"]]
    assert lines[:2] == ["bid", "ask"]
    assert {"p.median", "p.q0.05", "past"} < set(lines)
    assert [b["label"] for b in price["bands"]] == ["", "90 %", "80 %", "50 %", "its 90 %"]
    assert [m["href"] for m in price["marks"]] == [reverse("analytics:anomaly", args=[event.pk])]
    (strip,) = price["strips"]
    assert [part["label"] for part in strip["parts"]] == ["range", "up-trend"]
    assert strip["parts"][0]["end"] == strip["parts"][1]["start"]
    assert spread["lines"][0]["column"] == "spread"
    assert spec["extent"][1] == pytest.approx((now + 24 * HOUR).timestamp(), abs=5)


def test_a_range_ends_at_the_newest_quote(reader, market):
    for days, count in ((1, 49), (7, 337), (90, 400)):
        found = column(chart(reader, market, range=f"{days}d").json(), "bid")
        assert len(found) == count


def test_many_quotes_are_thinned_and_a_zoom_gets_them_all(reader, market):
    end = timezone.now() - dt.timedelta(days=10)
    factories.make_quotes(market, 6000, end=end)
    peak = PriceHistory.objects.order_by("timestamp")[3000]
    PriceHistory.objects.filter(pk=peak.pk).update(bid="42", ask="43")
    spec = chart(reader, market, range="all").json()
    assert spec["thinned"]
    assert len(spec["tables"][0]["x"]) < 6400
    assert max(value for _x, value in column(spec, "bid")) == 42
    middle = peak.timestamp.timestamp()
    near = chart(reader, market, range="all", **{"from": middle - 36000, "until": middle + 36000})
    fine = near.json()
    assert fine["extent"] == spec["extent"]
    assert not fine["thinned"]
    # Twenty hours that are seen, and as much on either side.
    assert len(fine["tables"][0]["x"]) == pytest.approx(120, abs=2)


def test_a_silence_breaks_the_line_and_a_missing_side_does_not(reader):
    market = factories.make_market()
    now = timezone.now()
    factories.make_quotes(market, 40, end=now - 10 * HOUR)
    factories.make_quotes(market, 5, end=now)
    one = PriceHistory.objects.order_by("timestamp")[10]
    PriceHistory.objects.filter(pk=one.pk).update(bid=None)
    (quotes,) = chart(reader, market).json()["tables"]
    assert quotes["columns"]["bid"][10] is None
    assert quotes["breaks"]["bid"] == quotes["breaks"]["ask"] == [40]
    assert quotes["x"][39] < quotes["x"][40] < quotes["x"][41]


def test_nothing_new_is_answered_in_a_word_and_a_new_quote_is_told(reader, market):
    first = chart(reader, market)
    etag = first.headers["ETag"]
    again = chart(reader, market, etag)
    assert (again.status_code, again.content) == (304, b"")
    assert chart(reader, market, etag, range="1d").status_code == 200
    at = timezone.now() + dt.timedelta(minutes=1)
    PriceHistory.objects.create(market=market, timestamp=at, bid="9.5", ask="9.6")
    later = chart(reader, market, etag)
    assert later.status_code == 200
    assert column(later.json(), "bid")[-1] == (pytest.approx(at.timestamp(), abs=1e-3), 9.5)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"range": "2d"}, "range"),
        ({"from": "5", "until": "5"}, "from"),
        ({"from": "5"}, "from"),
        ({"from": "nan", "until": "7"}, "from"),
        ({"from": "1", "until": "inf"}, "from"),
    ],
)
def test_a_range_that_is_none_is_refused_by_name(reader, market, asked, field):
    answer = chart(reader, market, **asked)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_the_page_carries_chart_ranges_and_a_table_for_those_without_script(reader, market):
    body = page(reader, market, range="30d").content.decode()
    assert '<a href="?range=30d" data-range="30d" aria-current="true">' in body
    spec = re.search(r'<script id="market-spec" type="application/json">(.*?)</script>', body, re.S)
    assert json.loads(spec[1])["panels"][0]["lines"][0]["column"] == "bid"
    assert "<noscript>" in body
    assert body.count("<details") >= 1
    for inline in ("style=", "<style", "<script>", " onclick"):
        assert inline not in body


def test_forecasts_that_were_scored_are_told_day_by_day(reader, market):
    model = factories.make_model(market)
    now = timezone.now()
    for days, inside in ((3, True), (3, False), (1, True)):
        at = now - dt.timedelta(days=days, seconds=days + inside)
        forecast = factories.make_forecast(model, as_of=at)
        factories.make_score(forecast, target_at=at, inside_90=inside)
    body = page(reader, market).content.decode()
    spec = json.loads(re.search(r'<script id="daily-spec"[^>]*>(.*?)</script>', body, re.S)[1])
    assert spec["tables"][0]["columns"] == {"skill": [0.5, 0.5], "in": [50.0, 100.0]}


def test_a_market_without_quotes_has_a_page_that_says_what_to_run(reader):
    body = page(reader, factories.make_market()).content.decode()
    assert "There are no quotes yet." in body
    assert chart(reader, factories.make_market("USDT/VES@x")).json() == {}


def test_a_market_that_is_none_is_not_found(reader):
    assert reader.get("/markets/99/").status_code == 404
    assert reader.get("/markets/99/chart/").status_code == 404


def test_a_stranger_is_sent_to_sign_in_and_a_refresh_of_his_refused(client, market):
    assert page(client, market).status_code == 302
    assert chart(client, market).status_code == 401
