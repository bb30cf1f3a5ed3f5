"""The overview: a row a market, what each says, in what order, at what price."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from analytics.models import PriceHistory, WorkerHeartbeat
from analytics.selectors.overview import overview_rows
from analytics.services.collection.context import market_context
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
HOME = "/"
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def reader(client):
    client.force_login(get_user_model().objects.create_user("reader"))
    return client


def fill(symbol, count=96):
    market = factories.make_market(symbol)
    factories.make_quotes(market, count)
    factories.make_forecast(factories.make_model(market))
    factories.make_anomaly(factories.make_model(market, "anomaly"))
    factories.make_pattern(factories.make_model(market, "pattern"), as_of=timezone.now())
    factories.make_run(market, "price", "running", epoch=3, epochs=10, eta_seconds=40)
    return market


def text(client, **asked):
    return html.unescape(client.get(HOME, asked).content.decode())


def symbols(client, **asked):
    """Markets in the order of their rows."""
    return re.findall(r'aria-label="Favourite: ([^"]+)"', text(client, **asked))


def queries_of(client):
    with CaptureQueriesContext(connection) as caught:
        assert client.get(HOME).status_code == 200
    return len(caught)


# ------------------------------------------------------------------------------------ who may, cost
@pytest.mark.parametrize("page", ["analytics:home", "analytics:live"])
def test_a_stranger_is_sent_to_sign_in(client, page):
    answer = client.get(reverse(page))
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))


@pytest.mark.parametrize("header", ["X-Requested-With", "HX-Request"])
def test_the_refresh_of_a_stranger_is_refused_plainly(client, header):
    assert client.get(HOME, headers={header: "fetch"}).status_code == 401


def test_with_debug_this_machine_needs_no_account(client, settings):
    settings.DEBUG = True
    assert client.get(HOME).status_code == 200


def test_with_debug_another_machine_is_refused(client, settings):
    settings.DEBUG = True
    assert client.get(HOME, REMOTE_ADDR="10.0.0.9").status_code == 403


def test_pages_take_no_post(reader):
    assert reader.post(HOME).status_code == 405


def test_three_markets_ask_as_many_queries_as_thirty(reader):
    for number in range(3):
        fill(f"USDT/F{number}@x")
    three = queries_of(reader)
    for number in range(3, 29):
        fill(f"USDT/F{number}@x", 5)
    factories.make_market("USDT/EUR@empty")
    assert queries_of(reader) == three
    assert three <= 17


def test_nothing_inline_that_a_strict_policy_forbids(reader):
    fill("USDT/BOB@binance_p2p")
    page = reader.get(HOME).content.decode()
    assert "style=" not in page
    assert "<style" not in page
    assert "<script>" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")


# ---------------------------------------------------------------------------------- what a row says
def test_an_empty_database_says_what_to_do(reader, admin_client):
    page = text(reader)
    assert "import_prices FILE" in page
    assert "run_worker" in page
    assert reverse("analytics:import") in text(admin_client)


def test_a_row_tells_sides_change_age_pattern_and_training(reader):
    fill("USDT/BOB@binance_p2p", 400)
    page = text(reader)
    for words in ("9.9", "10.", "0.40 %", "fresh", "up-trend", "you sell at", 'value="30"'):
        assert words in page
    assert re.search(r"[+-]\d\.\d\d %", page)


def test_changes_are_those_of_a_day_and_a_week(reader):
    market = factories.make_market()
    now = timezone.now()
    for hours, price in ((24 * 7, 8.0), (24, 10.0), (12, 11.0), (0, 12.0)):
        PriceHistory.objects.create(market=market, timestamp=now - hours * HOUR, price=price)
    (row,) = overview_rows(now=now)
    assert (row.day, row.week) == (pytest.approx(20), pytest.approx(50))
    assert [value for _at, value in row.line] == [8, 10, 11, 12]


def test_a_silence_a_day_ago_leaves_the_change_unknown(reader):
    market = factories.make_market()
    now = timezone.now()
    for hours in (40, 0):
        PriceHistory.objects.create(market=market, timestamp=now - hours * HOUR, price=10)
    (row,) = overview_rows(now=now)
    assert (row.day, row.week) == (None, None)


def test_the_percentile_is_the_one_that_the_context_tells(reader):
    market = factories.make_market()
    factories.make_quotes(market, 1400)
    (row,) = overview_rows()
    now = market_context(market=market, now=timezone.now())["now"]
    assert row.place == now["price"]["percentile"]


def test_a_side_that_came_a_reading_earlier_is_still_the_last(reader):
    market = factories.make_market()
    now = timezone.now()
    PriceHistory.objects.create(market=market, timestamp=now - HOUR, bid=9, ask=10)
    PriceHistory.objects.create(market=market, timestamp=now, ask=11)
    (row,) = overview_rows(now=now)
    assert (row.bid, row.ask) == (9, 11)


def test_a_stale_market_never_looks_fresh(reader):
    market = factories.make_market()
    end = timezone.now() - 9 * HOUR
    factories.make_quotes(market, 100, end=end)
    factories.make_forecast(factories.make_model(market), as_of=end)
    factories.make_pattern(factories.make_model(market, "pattern"), as_of=timezone.now())
    page = text(reader)
    assert '<tr class="old">' in page
    assert ">stale<" in page
    assert "The last forecast is 9 hours old." in page
    for words in ("fresh", "Tomorrow", "up-trend"):
        assert words not in page.split("<tbody>")[1].split("</tbody>")[0]


@pytest.mark.parametrize(
    ("scored", "said"),
    [
        (0, "how often it holds is not known yet: 0 forecasts scored"),
        (19, "how often it holds is not known yet: 19 forecasts scored"),
        (40, "it held 95 % of the last 30 days (40 forecasts)"),
    ],
)
def test_tomorrow_is_a_sentence_that_claims_only_what_was_scored(reader, scored, said):
    market = factories.make_market()
    factories.make_quotes(market)
    model = factories.make_model(market)
    now = timezone.now()
    factories.make_forecast(model, as_of=now)
    for place in range(scored):
        as_of = now - (place + 30) * HOUR
        made = factories.make_forecast(model, as_of=as_of)
        inside = place % 20 != 0
        factories.make_score(made, steps=48, target_at=as_of + 24 * HOUR, inside_90=inside)
        # Another horizon says nothing of tomorrow's.
        factories.make_score(made, steps=1, target_at=as_of + HOUR, inside_90=False)
    page = text(reader)
    assert "Tomorrow 9.849 to 10.15, 9 times in 10" in page
    assert said in page


def test_scores_of_the_baseline_do_not_speak_for_the_network(reader):
    market = factories.make_market()
    factories.make_quotes(market)
    model = factories.make_model(market)
    factories.make_forecast(model)
    for place in range(30):
        as_of = timezone.now() - (place + 30) * HOUR
        made = factories.make_forecast(model, as_of=as_of, source="baseline")
        factories.make_score(made, steps=48, target_at=as_of + 24 * HOUR)
    assert "not known yet: 0 forecasts scored" in text(reader)


def test_alarms_of_who_answers_that_nobody_judged_are_counted(reader):
    market = factories.make_market()
    factories.make_quotes(market, 5)
    now = timezone.now()
    old = factories.make_model(market, "anomaly", "retired")
    factories.make_event(old, start=now - HOUR)
    new = factories.make_model(market, "anomaly")
    for hours, fields in (
        (2, {}),
        (5, {"feedback": "false"}),
        (8, {"score": 0.09}),
        (24 * 8, {}),
        (24 * 9, {"is_open": True}),
    ):
        factories.make_event(new, start=now - hours * HOUR, **fields)
    (row,) = overview_rows(now=now)
    assert (row.alarms, row.going_on) == (2, True)
    assert "2 anomalies to judge: USDT/BOB@binance_p2p" in text(reader)


def test_what_goes_on_is_on_top_and_what_was_a_false_alarm_is_not(reader):
    markets = [factories.make_market(f"USDT/{fiat}@x") for fiat in ("BOB", "VES", "ARS")]
    models = [factories.make_model(market, "anomaly") for market in markets]
    factories.make_event(models[0], is_open=True, text="the bid is gone", severity="low")
    factories.make_event(models[1], is_open=True, text="judged away", feedback="false")
    factories.make_event(models[2], is_open=True, text="<i>worse</i>", severity="critical")
    for page in (HOME, "/live/"):
        top = reader.get(page).content.decode().split('class="panel alarms"')[1]
        top = top.split("</section>")[0]
        assert top.index("&lt;i&gt;worse&lt;/i&gt;") < top.index("the bid is gone")
        assert "judged away" not in top
    type(models[0]).objects.all().delete()
    assert 'class="panel alarms"' not in reader.get(HOME).content.decode()


def test_device_and_worker_stand_below_the_prices(reader):
    fill("USDT/BOB@x")
    then = timezone.now() - HOUR
    WorkerHeartbeat.objects.create(name="w", pid=1, started_at=then, seen_at=then)
    page = text(reader)
    assert page.index("</table>") < page.index("No worker is running")
    assert "run_worker" in page
    WorkerHeartbeat.objects.update(seen_at=timezone.now(), device={"type": "cpu", "name": "Xeon"})
    assert "Device: cpu (Xeon)" in text(reader).split("</table>")[-1]


def test_a_device_that_two_workers_share_is_told_once(reader):
    fill("USDT/BOB@x")
    now, device = timezone.now(), {"type": "cpu", "name": "Xeon"}
    for name in "vw":
        row = {"name": name, "pid": 1, "started_at": now, "seen_at": now, "device": device}
        WorkerHeartbeat.objects.create(**row)
    assert text(reader).count("Device: cpu (Xeon)") == 1


# ------------------------------------------------------------------------ order, search, live
def test_a_column_sorts_both_ways_and_the_unknown_stays_last(reader):
    for fiat, price in (("AAA", 20), ("BBB", 5), ("CCC", 100)):
        factories.make_quotes(factories.make_market(f"USDT/{fiat}@x"), 3, price=price)
    factories.make_market("USDT/DDD@x")
    up = ["USDT/BBB@x", "USDT/AAA@x", "USDT/CCC@x", "USDT/DDD@x"]
    assert symbols(reader, sort="ask") == up
    assert symbols(reader, sort="ask", down="1") == [*up[2::-1], up[3]]
    assert 'class="of-ask n" aria-sort="descending"' in text(reader, sort="ask", down="1")
    assert symbols(reader, sort="nonsense") == sorted(up)


@pytest.mark.parametrize("sort", ["market", "bid", "spread", "day", "week", "place", "age"])
def test_every_column_can_be_sorted(reader, sort):
    fill("USDT/BOB@x", 400)
    fill("USDT/VES@x", 5)
    assert len(symbols(reader, sort=sort)) == 2


def test_a_search_finds_every_word_of_a_symbol(reader):
    for symbol in ("USDT/BOB@binance_p2p", "USDT/VES@binance_p2p", "BTC/BOB@okx_p2p"):
        factories.make_market(symbol)
    assert symbols(reader, q="bob usdt") == ["USDT/BOB@binance_p2p"]
    page = text(reader, q="<b>")
    assert "No market is called “<b>”." in page
    assert "<b>" not in reader.get(HOME, {"q": "<b>"}).content.decode()


def test_favourites_come_first_and_stay(reader):
    first, second = (factories.make_market(f"USDT/{fiat}@x") for fiat in ("AAA", "BBB"))
    answer = reader.post("/favourite/", {"mark": second.pk}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Trigger"]) == (204, "markets-changed")
    assert symbols(reader) == [second.symbol, first.symbol]
    assert 'aria-pressed="true" aria-label="Favourite: USDT/BBB@x"' in text(reader)
    assert reader.post("/favourite/", {"unmark": second.pk, "next": HOME}).url == HOME
    assert symbols(reader) == [first.symbol, second.symbol]
    assert reader.post("/favourite/", {"mark": "77"}).status_code == 404


def test_a_visitors_favourites_are_kept_in_a_cookie(client, settings):
    settings.DEBUG = True
    markets = [factories.make_market(f"USDT/{fiat}@x") for fiat in ("AAA", "BBB")]
    client.post("/favourite/", {"mark": markets[1].pk})
    assert client.cookies["favourites"].value == str(markets[1].pk)
    assert symbols(client) == ["USDT/BBB@x", "USDT/AAA@x"]
    client.cookies["favourites"] = "x.9999999.-4"
    assert symbols(client) == ["USDT/AAA@x", "USDT/BBB@x"]


def test_a_refresh_brings_only_what_changed(reader):
    market = factories.make_market()
    end = timezone.now() - dt.timedelta(days=40)
    factories.make_quotes(market, 5, end=end)
    first = reader.get(HOME, headers={"HX-Request": "true"})
    assert b"<html" not in first.content
    state = {"HX-Request": "true", "X-State": first.headers["X-State"]}
    assert reader.get(HOME, headers=state).status_code == 204
    factories.make_quotes(market, 1, end=end + HOUR, price=11)
    later = reader.get(HOME, headers=state)
    assert later.status_code == 200
    assert "11.0" in later.content.decode()
    assert later.headers["X-State"] != first.headers["X-State"]


def test_old_addresses_of_a_market_lead_to_its_page(reader):
    market = factories.make_market("USDT/VES@x")
    answer = reader.get(HOME, {"market": "usdt/ves"})
    assert answer.url == reverse("analytics:market", args=[market.pk])
    wrong = reader.get(HOME, {"market": "<i>"})
    assert wrong.status_code == 404
    assert "There is no market &lt;i&gt;." in wrong.content.decode()
