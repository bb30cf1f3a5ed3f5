"""Anomalies are judged by a key and runs put side by side, in a real browser."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from analytics.services.registry.families import family_list
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def market():
    """One with events, two versions of a forecast, a training that is under way and a backtest."""
    family_list()  # torch is loaded here: a page that waits for it would time out on a busy machine
    market = factories.make_market()
    now = timezone.now()
    factories.make_quotes(market, 500, end=now)
    detector = factories.make_model(market, "anomaly")
    for back in (70, 40, 10):
        factories.make_anomaly(detector, timestamp=now - back * HOUR)
    for number in (1, 2):
        losses = [["training 1/2", 3.0, 2.0 + number], ["training 1/2", 2.0, 1.0 + number]]
        config = {"epochs": 8 * number, "hidden": 32}
        run = factories.make_run(market, status="succeeded", losses=losses, config=config)
        model = factories.make_model(market, status=("retired", "active")[number - 1], run=run)
        for days in (1, 2, 3):
            at = now - days * 24 * HOUR
            factories.make_score(factories.make_forecast(model, as_of=at), target_at=at)
    factories.make_run(
        market, status="running", losses=[["training 1/2", 3.0, 4.0]], epoch=1, epochs=8
    )
    factories.make_backtest(market)
    return market


def pages(market):
    task = [market.pk, "price"]
    event = market.anomaly_events.first()
    runs = market.training_runs.filter(task="price")
    compare = "&".join(f"run={run.pk}" for run in runs)
    model = market.trained_models.filter(task="price").first()
    return [
        f"{reverse('analytics:anomalies')}?state=all",
        reverse("analytics:anomaly", args=[event.pk]),
        reverse("analytics:models"),
        reverse("analytics:models-task", args=task),
        reverse("analytics:models-task", args=[market.pk, "anomaly"]),
        reverse("analytics:models-train", args=task),
        reverse("analytics:models-backtest", args=task),
        reverse("analytics:models-rollback", args=task),
        reverse("analytics:model-decide", args=[model.pk, "retire"]),
        reverse("analytics:model-run", args=[runs.get(status="running").pk]),
        f"{reverse('analytics:models-compare')}?{compare}",
    ]


@pytest.mark.parametrize(
    ("width", "scheme", "language"), [(1400, "light", "en-US"), (390, "dark", "es-BO")]
)
def test_axe_finds_nothing_serious_and_nothing_is_cut(visit, market, width, scheme, language):
    made = visit(width, scheme, locale=language)
    for path in pages(market):
        made.open(path)
        assert made.serious() == [], path
        assert made.cut() == [], path


def test_an_anomaly_is_opened_acknowledged_and_left_by_keys(visit, market):
    newest, middle, oldest = market.anomaly_events.order_by("-start")
    made = visit()
    made.open(reverse("analytics:anomalies"))
    keys = made.page.keyboard
    keys.press("j")
    keys.press("j")
    keys.press("Enter")
    made.page.wait_for_url(f"**{reverse('analytics:anomaly', args=[middle.pk])}")
    with made.page.expect_navigation():
        keys.press("a")
    assert "Acknowledged." in made.page.locator(".messages").inner_text()
    row = middle.results.get()
    assert row.acknowledged_by.username == "admin"
    with made.page.expect_navigation():
        keys.press("j")
    assert made.page.url.endswith(reverse("analytics:anomaly", args=[oldest.pk]))
    with made.page.expect_navigation():
        keys.press("f")
    oldest.refresh_from_db()
    assert oldest.feedback == "false"
    with made.page.expect_navigation():
        keys.press("k")
    # The one between was acknowledged: of those that are new this is the next.
    assert made.page.url.endswith(reverse("analytics:anomaly", args=[newest.pk]))


def test_keys_are_letters_in_a_text_and_nothing_once_they_are_off(visit, market):
    event = market.anomaly_events.first()
    address = reverse("analytics:anomaly", args=[event.pk])
    made = visit()
    made.open(address)
    made.page.get_by_label("Note").press_sequentially("fat")
    assert made.page.get_by_label("Note").input_value() == "fat"
    made.page.get_by_label("Keys").uncheck()
    made.open(address)
    made.page.keyboard.press("f")
    assert made.page.url.endswith(address)
    event.refresh_from_db()
    assert event.feedback == ""


def test_what_was_expected_arrives_after_the_page(visit, market):
    event = market.anomaly_events.first()
    made = visit()
    with made.page.expect_response("**/chart/") as answered:
        made.open(reverse("analytics:anomaly", args=[event.pk]))
    assert "ask.value" in str(answered.value.json()["tables"])


def test_many_are_chosen_by_one_box_and_judged(visit, market):
    made = visit()
    made.open(reverse("analytics:anomalies"))
    made.page.get_by_label("All on this page").check()
    with made.page.expect_navigation():
        made.page.get_by_role("button", name="False alarm").click()
    assert "3 events were noted." in made.page.locator(".messages").inner_text()
    assert set(market.anomaly_events.values_list("feedback", flat=True)) == {"false"}


def test_two_runs_are_put_side_by_side(visit, market):
    made = visit()
    made.open(reverse("analytics:models-task", args=[market.pk, "price"]))
    for name in ("lstm v1", "lstm v2"):
        made.page.get_by_label(f"Compare {name}").check()
    with made.page.expect_navigation():
        made.page.get_by_role("button", name="Compare those chosen").click()
    made.page.wait_for_function(
        "() => [...document.querySelectorAll('[data-chart]')].every(c => c.dataset.drawn)"
    )
    differs = made.page.locator("tr.differs").all_inner_texts()
    assert any("Passes over the data" in row for row in differs)
    assert not any("Recurrent units" in row for row in differs)
    assert made.page.locator("#losses .legend button").count() == 2


def test_a_training_is_watched_and_its_end_noticed(visit, market):
    run = market.training_runs.get(status="running")
    made = visit()
    made.open(reverse("analytics:model-run", args=[run.pk]))
    assert "epoch 1 of 8" in made.page.locator("#live").inner_text()
    type(run).objects.filter(pk=run.pk).update(epoch=5)
    made.page.wait_for_function(
        "() => document.getElementById('live').innerText.includes('epoch 5 of 8')"
    )
    now = timezone.now()
    type(run).objects.filter(pk=run.pk).update(
        status="succeeded", started_at=now - 2 * HOUR, finished_at=now
    )
    made.page.wait_for_function("() => document.body.innerText.includes('took 2 hours')")


def test_a_promotion_is_confirmed_on_a_page_of_its_own(visit, market):
    model = market.trained_models.get(task="price", version=1)
    made = visit()
    made.open(reverse("analytics:models-task", args=[market.pk, "price"]))
    with made.page.expect_navigation():
        made.page.get_by_role("link", name="Promote…").click()
    made.page.get_by_label("Force it even if").check()
    made.page.get_by_label("Reason", exact=True).fill("it knows Christmas")
    with made.page.expect_navigation():
        made.page.get_by_role("button", name="Promote").click()
    assert "lstm v1 answers from now on." in made.page.locator(".messages").inner_text()
    model.refresh_from_db()
    assert model.status == "active"
