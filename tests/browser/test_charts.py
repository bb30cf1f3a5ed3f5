"""Charts in a real browser: they draw, can be looked into, saved and kept fresh."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from django.urls import reverse
from django.utils import timezone

from analytics.models import PriceHistory
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = dt.timedelta(hours=1)
PAINTED = """canvas => {
  const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(new Uint32Array(all.buffer)).size;
}"""

#: How many pixels of each panel have the colour of its first line.
OF_ITS_COLOUR = """() => [...document.querySelectorAll('.uplot')].map((plot) => {
  const swatch = plot.closest('.chart').querySelector('.legend .swatch');
  const colour = getComputedStyle(swatch).borderTopColor.match(/\\d+/g).map(Number);
  const canvas = plot.querySelector('canvas');
  const all = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let n = 0; n < all.length; n += 4)
    if (colour.every((part, k) => Math.abs(all[n + k] - part) < 9)) count += 1;
  return count;
})"""


@pytest.fixture
def market():
    """One with all that a chart can show."""
    market = factories.make_market()
    now = timezone.now()
    factories.make_quotes(market, 700, end=now)
    price, spread = (factories.make_model(market, task) for task in ("price", "spread"))
    for model in (price, spread):
        factories.make_forecast(model)
    for days in (1, 2, 3):
        at = now - dt.timedelta(days=days)
        factories.make_score(factories.make_forecast(price, as_of=at), target_at=at)
    detector = factories.make_model(market, "anomaly")
    start = now - 30 * HOUR
    row = factories.make_anomaly(detector, timestamp=start)
    type(row.event).objects.filter(pk=row.event_id).update(end=start + 9 * HOUR)
    namer = factories.make_model(market, "pattern")
    for hours, label in ((9, "range"), (6, "up-trend"), (3, "up-trend")):
        factories.make_pattern(namer, as_of=now - hours * HOUR, label=label)
    losses = [
        ["training 1/2", 3.0, 3.2, 1],
        ["training 1/2", 2.0, 2.5, 2],
        ["training 2/2", 2.9, 3.1, 1],
    ]
    factories.make_run(market, "price", "running", losses=losses, epoch=3, epochs=4)
    return market


def pages(market):
    """Address of every page with a chart -> the part of it that is ours."""
    run = market.training_runs.get(status="running")
    event, forecast = market.anomaly_events.get(), market.forecasts.first()
    admin = {"trainingrun": run, "anomalyevent": event, "forecast": forecast}
    ours = {
        reverse("analytics:market", args=[market.pk]): "html",
        reverse("analytics:patterns"): "html",
    }
    return ours | {
        reverse(f"admin:analytics_{name}_change", args=[row.pk]): ".chart"
        for name, row in admin.items()
    }


@pytest.fixture
def opened(visit, market):
    """The market's page with its chart."""
    made = visit()
    made.open(reverse("analytics:market", args=[market.pk]))
    return made


def seen(made):
    """(first, last) of the market's chart that is seen, in seconds since 1970."""
    return made.page.evaluate("Charts.of(document.getElementById('market')).seen()")


def columns(made):
    text = made.page.evaluate("Charts.of(document.getElementById('market')).csv()")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("width", "scheme", "language"), [(1400, "light", "en-US"), (390, "dark", "es-BO")]
)
def test_every_chart_draws_and_axe_finds_nothing_serious(visit, market, width, scheme, language):
    made = visit(width, scheme, locale=language)
    for path, part in pages(market).items():
        made.open(path)
        canvases = made.page.locator("[data-chart] canvas")
        assert canvases.count() >= 1, path
        for canvas in canvases.all():
            assert canvas.evaluate(PAINTED) > 5, path
        assert made.serious(part) == [], path
        assert made.cut() == [], path


def test_keys_and_buttons_zoom_and_pan_within_what_there_is(opened):
    first, last = seen(opened)
    plots = opened.page.locator("#market .plots")
    plots.focus()
    plots.press("+")
    near = seen(opened)
    assert near[1] - near[0] == pytest.approx((last - first) / 2)
    plots.press("ArrowLeft")
    assert seen(opened)[0] < near[0]
    for _ in range(9):
        plots.press("ArrowRight")
    assert seen(opened)[1] == last
    opened.page.get_by_role("button", name="Zoom out").first.click()
    opened.page.get_by_role("button", name="Zoom out").first.click()
    assert seen(opened) == [first, last]
    plots.press("+")
    plots.press("Home")
    assert seen(opened) == [first, last]


def test_dragging_over_a_stretch_zooms_all_panels_into_it(opened):
    box = opened.page.locator("#market .u-over").first.bounding_box()
    mouse = opened.page.mouse
    first, last = seen(opened)
    mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 60)
    mouse.down()
    mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 90, steps=4)
    mouse.up()
    wide = last - first
    assert seen(opened) == pytest.approx([first + wide / 4, first + wide / 2], abs=wide / 100)
    scales = "Charts.of(document.getElementById('market')).plots.map(p => p.scales.x.min)"
    assert len(set(opened.page.evaluate(scales))) == 1


def test_the_crosshair_tells_moment_and_values_in_the_readers_zone(opened):
    box = opened.page.locator("#market .u-over").first.bounding_box()
    note = opened.page.locator("#market [data-note]")
    assert "America/La_Paz" in note.inner_text()
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    first, last = seen(opened)
    at = opened.page.evaluate("x => Reader.moment(x).slice(0, 10)", (first + last) / 2)
    assert note.inner_text().startswith(at)
    middle = dt.datetime.fromtimestamp((first + last) / 2, dt.UTC)
    near = PriceHistory.objects.filter(timestamp__gte=middle - HOUR, timestamp__lte=middle + HOUR)
    bid = opened.page.locator("#market .legend").first.get_by_role("button", name="bid")
    assert float(bid.inner_text().split()[-1]) in {round(float(q.bid), 3) for q in near}


def test_a_line_is_switched_off_and_left_out_of_what_is_saved(opened):
    button = opened.page.locator("#market .legend").first.get_by_role("button", name="bid")
    assert "bid" in columns(opened)[0]
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "false"
    assert "bid" not in columns(opened)[0]


def test_what_is_seen_is_saved_as_csv_and_as_a_picture(opened):
    opened.page.locator("#market .plots").focus()
    opened.page.locator("#market .plots").press("+")
    first, last = seen(opened)
    with opened.page.expect_download() as saved:
        opened.page.locator("#market [data-tool=csv]").click()
    assert saved.value.suggested_filename == "USDT-BOB@binance_p2p.csv"
    rows = list(csv.DictReader(saved.value.path().read_text().splitlines()))
    moments = [dt.datetime.fromisoformat(row["timestamp"]).timestamp() for row in rows]
    assert len(moments) > 50
    assert first <= min(moments) <= max(moments) <= last
    with opened.page.expect_download() as saved:
        opened.page.locator("#market [data-tool=png]").click()
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")


def test_a_new_quote_arrives_without_a_reload_and_the_zoom_stays(opened, market):
    opened.page.evaluate("window.mine = true")
    opened.page.locator("#market .plots").focus()
    opened.page.locator("#market .plots").press("+")
    before = seen(opened)
    now = timezone.now() + dt.timedelta(minutes=1)
    PriceHistory.objects.create(market=market, timestamp=now, bid="11.5", ask="11.75")
    opened.page.evaluate("Charts.of(document.getElementById('market')).refresh()")
    bids = "[...Charts.of(document.getElementById('market')).data.columns.get('bid')]"
    opened.page.wait_for_function(f"() => {bids}.includes(11.5)")
    assert opened.page.evaluate("window.mine")
    assert seen(opened) == before
    opened.page.locator("#market summary").click()
    assert "11.50" in opened.page.locator("#market [data-figures]").inner_text()


def test_a_range_is_chosen_without_a_reload_and_stands_in_the_address(opened):
    opened.page.evaluate("window.mine = true")
    first, last = seen(opened)
    opened.page.get_by_role("link", name="1d", exact=True).click()
    opened.page.wait_for_function(
        "wide => { const [a, b] = Charts.of(document.getElementById('market')).seen();"
        " return b - a < wide }",
        arg=(last - first) / 2,
    )
    assert opened.page.url.endswith("?range=1d")
    assert opened.page.evaluate("window.mine")
    current = opened.page.locator("[data-ranges] [aria-current]")
    assert current.inner_text() == "1d"


def test_a_zoom_into_a_thinned_range_brings_all_its_quotes(visit, market):
    factories.make_quotes(market, 6000, end=timezone.now() - dt.timedelta(days=20))
    made = visit()
    made.open(reverse("analytics:market", args=[market.pk]) + "?range=all")
    page = made.page
    assert page.evaluate("Charts.of(document.getElementById('market')).spec.thinned")
    page.locator("#market .plots").focus()
    for _ in range(6):
        page.locator("#market .plots").press("+")
    page.wait_for_function("() => !Charts.of(document.getElementById('market')).spec.thinned")
    first, last = seen(made)
    quotes = PriceHistory.objects.filter(
        timestamp__gte=dt.datetime.fromtimestamp(first, dt.UTC),
        timestamp__lte=dt.datetime.fromtimestamp(last, dt.UTC),
    )
    assert sum(bool(row["bid"]) for row in columns(made)) == quotes.count() > 30
    page.locator("#market .plots").press("Home")
    page.wait_for_function("() => Charts.of(document.getElementById('market')).spec.thinned")


def test_a_flag_leads_to_the_page_of_its_event(opened, market):
    flag = opened.page.locator("#market a.flag")
    assert "spike" in flag.get_attribute("aria-label")
    flag.focus()
    flag.press("Enter")
    event = market.anomaly_events.get()
    opened.page.wait_for_url(f"**{reverse('analytics:anomaly', args=[event.pk])}")


def test_colours_follow_the_scheme(opened):
    canvas = opened.page.locator("#market canvas").first
    light = canvas.evaluate("c => c.toDataURL()")
    opened.page.emulate_media(color_scheme="dark")
    opened.page.wait_for_function(
        "old => document.querySelector('#market canvas').toDataURL() !== old", arg=light
    )


def test_without_javascript_the_figures_are_there(visit, market):
    made = visit(java_script_enabled=False)
    made.page.goto(made.base + reverse("analytics:market", args=[market.pk]))
    # Playwright switches scripts off too late for Chromium to show what stands in <noscript>.
    assert "The picture needs JavaScript" in made.page.locator("#market noscript").text_content()
    made.page.locator("#market summary").click()
    row = made.page.locator("#market [data-figures] tbody tr").last
    assert row.is_visible()
    assert row.locator("td").all_inner_texts()[:2] == ["9.980", "10.02"]


@pytest.mark.parametrize(("language", "million"), [("en-US", "1M"), ("es-BO", "1 M")])
def test_the_figures_of_an_axis_have_room_and_differ(visit, market, language, million):
    made = visit(390, locale=language)
    made.open(f"/markets/{market.pk}/")

    def along(step: float, count: int = 6) -> list[str]:
        told = [made.page.evaluate(f"Reader.along({step * k}, {step}, 0)") for k in range(count)]
        return [text.replace("\N{NO-BREAK SPACE}", " ") for text in told]

    assert along(500_000)[2] == million
    for step in (20, 2_000, 250_000, 5_000_000):
        told = along(step)
        assert len(set(told)) == len(told)
        assert max(len(text) for text in told) <= 7, told


def test_a_value_alone_between_gaps_is_drawn_as_a_point(visit, market):
    made = visit()
    at = timezone.now() - 30 * HOUR
    spread = market.trained_models.get(task="spread")
    factories.make_score(factories.make_forecast(spread, as_of=at), target_at=at)
    made.open(reverse("analytics:models-task", args=[market.pk, "spread"]))
    drawn = made.page.evaluate(OF_ITS_COLOUR)
    assert len(drawn) >= 2
    assert min(drawn) > 5
