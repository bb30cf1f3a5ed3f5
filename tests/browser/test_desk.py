"""The overview, a market's parts, preferences, collecting and operations in a real browser."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from analytics.models import MarketSource, Preferences, PriceHistory
from tests import factories
from tests.analytics.desk.test_offers import keep_book

pytestmark = pytest.mark.django_db(transaction=True)
SHIFT = """() => new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => {
    for (const e of list.getEntries()) if (!e.hadRecentInput) sum += e.value;
  }).observe({type: 'layout-shift', buffered: true});
  requestAnimationFrame(() => setTimeout(() => done(sum), 300));
})"""


#: Small lines are as wide as their places.
AS_WIDE = """() => [...document.querySelectorAll('.spark')]
    .every((s) => Math.abs(s.querySelector('canvas').clientWidth - s.clientWidth) < 2)"""


@pytest.fixture
def markets():
    now = timezone.now()
    made = []
    for place, fiat in enumerate(("BOB", "VES", "ARS")):
        market = factories.make_market(f"USDT/{fiat}@binance_p2p")
        old = dt.timedelta(hours=9 if fiat == "ARS" else 0)
        factories.make_quotes(market, 400, end=now - old, price=10 * 5**place)
        factories.make_forecast(factories.make_model(market), as_of=now - old)
        factories.make_pattern(factories.make_model(market, "pattern"), as_of=now - old)
        factories.make_event(factories.make_model(market, "anomaly"), is_open=fiat == "VES")
        keep_book(market)
        made.append(market)
    factories.make_source(made[0], enabled=True, failures=1, last_error_code="not_json")
    factories.make_run(made[0], "price", "running", epoch=3, epochs=10, eta_seconds=40)
    return made


def rows(page):
    return page.locator(".markets tbody .of-market a").evaluate_all(
        "links => links.map(a => a.firstChild.textContent)"
    )


@pytest.mark.parametrize(
    ("width", "scheme", "language"),
    [
        (1400, "light", "en-US"),
        (1400, "dark", "es-BO"),
        (390, "light", "es-BO"),
        (390, "dark", "en-US"),
    ],
)
def test_every_page_is_clean_for_axe_and_stays_where_it_was(
    visit, markets, width, scheme, language
):
    made = visit(width, scheme, locale=language)
    market = reverse("analytics:market", args=[markets[0].pk])
    for path in ("/", market, "/preferences/", "/collection/", "/operations/"):
        made.open(path)
        made.page.wait_for_load_state("networkidle")
        assert made.page.evaluate(SHIFT) < 0.1, path
        assert made.serious() == [], path
        assert made.cut() == [], path


def test_small_lines_are_drawn_and_told(visit, markets):
    made = visit()
    made.open("/")
    sparks = made.page.locator(".spark")
    assert sparks.count() == 3
    for spark in sparks.all():
        assert spark.get_attribute("aria-label").startswith("Seven days: from")
        drawn = "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size"
        assert spark.locator("canvas").evaluate(drawn) > 5
    made.page.set_viewport_size({"width": 390, "height": 900})
    made.page.wait_for_function(AS_WIDE)


def test_keys_sort_search_and_mark_without_a_reload(visit, markets):
    made = visit()
    made.open("/")
    page = made.page
    page.evaluate("window.mine = true")
    assert rows(page) == ["USDT/ARS", "USDT/BOB", "USDT/VES"]
    page.locator("#sort-ask").press("Enter")
    page.wait_for_selector("th.of-ask[aria-sort=ascending]")
    assert rows(page) == ["USDT/BOB", "USDT/VES", "USDT/ARS"]
    assert page.evaluate("document.activeElement.id") == "sort-ask"
    page.locator("#sort-ask").press("Enter")
    page.wait_for_selector("th.of-ask[aria-sort=descending]")
    assert rows(page) == ["USDT/ARS", "USDT/VES", "USDT/BOB"]
    assert "sort=ask" in page.url
    page.locator("#q").press_sequentially("bob")
    page.wait_for_function("() => document.querySelectorAll('.markets tbody tr').length === 1")
    assert rows(page) == ["USDT/BOB"]
    page.locator(".star button").press("Enter")
    page.wait_for_selector(".star button[aria-pressed=true]")
    assert list(Preferences.objects.get().favourites.all()) == [markets[0]]
    assert page.evaluate("window.mine")


def test_a_new_quote_arrives_without_a_reload_and_a_silent_server_is_told(visit, markets):
    made = visit()
    made.open("/")
    page = made.page
    page.evaluate("window.mine = true")
    at = timezone.now() + dt.timedelta(seconds=1)
    PriceHistory.objects.create(market=markets[0], timestamp=at, bid="11.5", ask="11.75")
    refresh = "htmx.trigger(document.body, 'markets-changed')"
    page.evaluate(refresh)
    page.wait_for_function("() => document.querySelector('.markets').innerText.includes('11.75')")
    assert page.evaluate("window.mine")
    page.context.set_offline(True)
    page.evaluate(refresh)
    page.wait_for_selector("#offline", state="visible")
    page.context.set_offline(False)
    page.evaluate(refresh)
    page.wait_for_selector("#offline", state="hidden")
    assert made.troubles
    made.troubles.clear()  # that it failed is what was wanted


def test_the_first_visit_is_told_in_the_browsers_zone(visit, markets):
    made = visit()
    made.page.context.clear_cookies(name="browser_zone")
    made.page.goto(made.base + "/preferences/")
    made.page.wait_for_selector("html[data-zone='America/La_Paz'][data-zone-by=browser]")
    assert "UTC-4" in made.page.locator("main").inner_text()


def test_theme_and_language_are_switched_in_the_header_and_stay(visit, markets):
    made = visit()
    made.open("/")
    page = made.page
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark").press("Enter")
    page.wait_for_selector("html[data-theme=dark]")
    assert page.evaluate(ground) != light
    page.get_by_role("button", name="español").click()
    page.wait_for_selector("html[lang=es]")
    assert page.locator("h1").inner_text() == "Mercados"
    assert "9,98" in page.locator(".markets").inner_text()
    made.open("/patterns/")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    kept = Preferences.objects.get()
    assert (kept.language, kept.theme) == ("es", "dark")


def test_an_amount_is_priced_and_the_rest_comes_by_itself(visit, markets):
    made = visit()
    made.open(reverse("analytics:market", args=[markets[0].pk]))
    page = made.page
    page.wait_for_selector("#more #chances-title")
    page.fill("#amount", "500")
    page.locator("#amount").press("Enter")
    page.wait_for_selector("#amount-answer strong")
    assert "For 500.0 BOB you get 50.00 USDT" in page.locator("#amount-answer").inner_text()
    assert made.serious("#amount-answer") == []


def test_a_source_is_switched_off(visit, markets):
    made = visit()
    made.open("/collection/")
    made.page.get_by_role("button", name="Switch off").click()
    made.page.wait_for_selector("button[value=on]")
    assert not MarketSource.objects.get().enabled


def test_a_hundred_thousand_points_zoom_smoothly(visit, markets):
    market = factories.make_market("BTC/BOB@x", cadence_minutes=1)
    factories.make_quotes(market, 100_000)
    made = visit()
    made.open(reverse("analytics:market", args=[market.pk]) + "?range=90d")
    frames = """() => {
      const chart = Charts.of(document.getElementById('market'));
      const [first, last] = chart.extent();
      const took = [];
      for (let n = 1; n <= 30; n += 1) {
        const start = performance.now();
        chart.zoom(first + n * (last - first) / 100, last - n * (last - first) / 100);
        chart.plots.forEach(plot => plot.redraw(false, false));
        took.push(performance.now() - start);
      }
      return took.sort((a, b) => a - b)[15];
    }"""
    assert made.page.evaluate("Charts.of(document.getElementById('market')).spec.thinned")
    assert made.page.evaluate(frames) < 50
