"""`python -m tests.browser.tour [--out docs]` (`make screenshots`): the pictures of the README's
tour, of a server of its own in a temporary home, with simulated markets, trained there and then."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.conftest import missing, program
from tests.live_demo.scene import ROOT, Broken, Scene

#: Width of a picture, its height, and the most bytes of one.
WIDTH, HEIGHT, MOST = 1400, 880, 200_000
#: Seconds until a training must have done its first epochs.
PATIENCE = 120.0
#: Days of quotes of the trained market, the seed of its course, and epochs of its networks.
DAYS, SEED, EPOCHS = 60, 0, 3
#: What befalls the trained market: so much up for so many readings, so many ordinary ones since.
#: Whoever answers sees it, the baseline too.
SHOCK, SHOCKED, SINCE = 1.2, 3, 3
#: Markets that have no network yet, beside the trained one: baselines answer there.
OTHERS = {"USDT/BOB@simulated": 3, "USDT/VES@simulated": 4}
#: Names of the pictures, in the README's order.
NAMES = ("overview", "market", "anomaly", "training", "rule")


def main() -> int:
    parser = argparse.ArgumentParser(description="Take the pictures of the README's tour.")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the pictures")
    out = parser.parse_args().out
    reason = missing()
    if reason:
        print(f"No pictures: {reason}", file=sys.stderr)
        return 1
    try:
        with Scene() as scene:
            _tour(scene, out)
    except Broken as problem:
        print(f"It cannot go on: {problem}", file=sys.stderr)
        return 1
    return 0


def _tour(scene: Scene, out: Path) -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    scene.start("web", "-m", "p2p.server", ready="Paralelo is at")
    scene.start("worker", "manage.py", "run_worker")
    _train(scene)
    addresses = _prepare(scene)
    with _browser(scene) as page:
        for name in NAMES:
            _take(page, name, addresses, out / f"tour-{name}.png")


def _train(scene: Scene) -> None:
    """A simulated market with its four networks, trained for some epochs, and their answers."""
    from analytics.models.choices import Task
    from analytics.services import main_job
    from analytics.services.anomalies.watch import anomaly_watch
    from analytics.services.jobs.training import training_request
    from analytics.services.prices.simulation import price_simulate

    market = price_simulate(days=DAYS, seed=SEED, anomalies=True)
    outcome = main_job.Outcome(market=market)
    for task in Task.values:
        outcome.runs[task] = training_request(market=market, task=task, params={"epochs": EPOCHS})
    for _runs in main_job.watch(outcome, None):
        scene.look()
    failed = [str(run) for run in outcome.runs.values() if run.status != "succeeded"]
    if failed:
        raise Broken(f"not trained: {', '.join(failed)}\n{scene.tails()}")
    _shock(market)
    main_job.answer_all(outcome)
    if outcome.refused:
        raise Broken(f"no answer: {outcome.refused}")
    anomaly_watch(market=market)


def _shock(market: Any) -> None:
    """Readings of the last hours, dearer: an event of now whatever the hour, for what is simulated
    follows the clock, and the faults planted in it may lie days back."""
    from analytics.selectors.frames import price_frame
    from analytics.services.prices.posting import quotes_store

    newest = price_frame(market).ffill().iloc[-SHOCKED - SINCE : -SINCE]
    prices = [name for name in newest if name in ("bid", "ask", "bid_vwap", "ask_vwap")]
    quotes_store(market.symbol, newest.assign(**(newest[prices] * SHOCK).round(2)))


def _prepare(scene: Scene) -> dict[str, str]:
    """Other markets and a training that is under way; name -> the page's address."""
    from analytics.models import AnomalyEvent, Market, TrainingRun
    from analytics.services.jobs.training import training_request
    from analytics.services.prices.simulation import price_simulate

    market = Market.objects.get()  # the trained one, still alone
    for symbol, seed in OTHERS.items():
        price_simulate(market=symbol, days=DAYS, seed=seed)
    shocked = market.prices.order_by("-timestamp")[SHOCKED + SINCE - 1].timestamp
    event = AnomalyEvent.objects.filter(end__gte=shocked).order_by("-score").first()
    if event is None:
        newest = list(AnomalyEvent.objects.values_list("kind", "start", "end").order_by("-end")[:3])
        raise Broken(f"nobody saw the shock at {shocked}; the newest events: {newest}")
    params = {"epochs": 300, "patience": 300}
    run = training_request(market=market, task="price", params=params)
    _until(lambda: TrainingRun.objects.get(pk=run.pk).epoch >= 4, scene)
    return {
        "overview": "/",
        "market": f"/markets/{market.pk}/",
        "anomaly": f"/anomalies/{event.pk}/",
        "training": f"/models/runs/{run.pk}/",
        "rule": "/alerts/rules/new/?kind=level",
    }


def _until(done: Callable[[], bool], scene: Scene) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        scene.look()
        if time.monotonic() > end:
            raise Broken(f"the training made no progress:\n{scene.tails()}")
        time.sleep(0.5)  # between looks at the database


@contextmanager
def _browser(scene: Scene) -> Iterator[Any]:
    """A page of a reader in La Paz."""
    from playwright.sync_api import sync_playwright

    # Playwright keeps an event loop running in this thread, where Django wants no queries.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT},
            timezone_id="America/La_Paz",
            base_url=scene.url,
        )
        zone = {"name": "browser_zone", "value": "America/La_Paz", "url": scene.url}
        context.add_cookies([zone])
        yield context.new_page()
        browser.close()


def _take(page: Any, name: str, addresses: dict[str, str], path: Path) -> None:
    page.emulate_media(color_scheme="dark" if name == "training" else "light")
    page.goto(addresses[name])
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-chart]')].every(c => c.dataset.drawn)"
    )
    # An event's chart is drawn from what is stored, then asks its version for more.
    page.wait_for_load_state("networkidle")
    if name == "rule":
        _try_a_rule(page)
    page.screenshot(path=path)
    size = path.stat().st_size
    print(f"{path.name}: {size:,} bytes")
    if size >= MOST:
        raise Broken(f"{path.name} is too large: {size:,} bytes, not below {MOST:,}")


def _try_a_rule(page: Any) -> None:
    """A level that the market has crossed, tried on its history."""
    from analytics.models import Market

    market = Market.objects.order_by("pk")[0]
    asks = sorted(
        float(ask)
        for ask in market.prices.order_by("-timestamp").values_list("ask", flat=True)[:700]
        if ask is not None
    )
    page.fill("#name", "USDT is dear")
    page.select_option("#market", market.symbol)
    page.fill("#p_level", f"{asks[len(asks) * 9 // 10]:.2f}")
    page.get_by_role("button", name="Try on history").click()
    page.wait_for_selector("#tried")


if __name__ == "__main__":
    sys.exit(main())
