"""Quotes of other markets for families that learn from a panel: whose, how many, up to when; and
what a training and a backtest say of them."""

from __future__ import annotations

import datetime as dt
import io

import pandas as pd
import pytest
from django.core.management import call_command

import ml
from analytics.models import Market, PriceHistory
from analytics.pages.cards import markdown
from analytics.selectors.frames import price_frame, thinned_frame
from analytics.services.jobs.other_markets import other_quotes
from analytics.services.jobs.training import training_execute, training_request
from analytics.services.registry.cards import model_card
from tests.markets import wandering_market

SPEC = next(spec for spec in ml.list_specs() if spec.panel)
SMALL = {
    "epochs": 1,
    "hidden": 8,
    "width": 8,
    "members": 1,
    "batch_size": 128,
    "market_windows": 200,
}
ROWS = 1100
START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
LAST = START + dt.timedelta(minutes=30 * (ROWS - 1))


def stored(symbol: str, rows: int = ROWS, *, minutes: int = 30, seed: int = 0) -> Market:
    asset, fiat, exchange = Market.parse_symbol(symbol)
    market = Market.objects.create(
        asset=asset, fiat=fiat, exchange=exchange, cadence_minutes=minutes
    )
    quotes = wandering_market(rows, seed).round(6)
    step = dt.timedelta(minutes=minutes)
    PriceHistory.objects.bulk_create(
        PriceHistory(market=market, timestamp=START + step * place, bid=bid, ask=ask)
        for place, (bid, ask) in enumerate(quotes.to_numpy().tolist())
    )
    return market


@pytest.fixture
def market(db) -> Market:
    return stored("USDT/BOB@here")


def others_of(market: Market, *, most: int = 9, until: dt.datetime = LAST, **more):
    return other_quotes(
        market, spec=SPEC, config={"markets": most}, step_minutes=30, until=until, **more
    )


def test_the_nearest_markets_with_enough_quotes_come_first(market):
    symbols = ["BTC/VES@here", "USDT/VES@here", "BTC/BOB@here", "USDT/BOB@there"]
    for seed, symbol in enumerate(symbols, 1):
        stored(symbol, seed=seed)
    stored("USDC/BOB@short", 900)
    stored("USDC/BOB@slow", minutes=60)
    found = others_of(market)
    assert [*found] == symbols[::-1]
    assert [*others_of(market, most=2)] == symbols[:-3:-1]
    assert others_of(market, most=0) == {}
    for other in Market.objects.exclude(pk=market.pk).filter(cadence_minutes=30):
        if other.exchange != "short":
            whole = price_frame(other, columns=ml.PRICE_COLUMNS)
            pd.testing.assert_frame_equal(found[other.symbol], whole)
    early = START + dt.timedelta(minutes=30 * 1050)
    cut = others_of(market, until=early)
    assert [*cut] == symbols[::-1]
    assert all(quotes.index[-1] == early for quotes in cut.values())
    # A backtest chooses by what was there when it learned first.
    assert others_of(market, learned_until=START + dt.timedelta(minutes=30 * 900)) == {}


def test_families_of_one_market_are_given_no_other(market):
    stored("USDT/BOB@there")
    alone = ml.get_spec(SPEC.task)
    assert other_quotes(market, spec=alone, config={}, step_minutes=30, until=LAST) == {}


def test_thinned_quotes_make_the_same_grid(db):
    market = stored("USDT/BOB@fast", 700, minutes=7)
    for number, quote in enumerate(market.prices.order_by("timestamp")[::3]):
        setattr(quote, ("bid", "ask")[number % 2], None)
        quote.save()
    until = START + dt.timedelta(minutes=7 * 699)
    whole = price_frame(market)
    thin = thinned_frame(market, since=START, until=until, step_minutes=30)
    assert len(thin) < len(whole) / 2
    expected = ml.build_grid(whole, step_minutes=30)
    found = ml.build_grid(thin, step_minutes=30, end=until)
    pd.testing.assert_frame_equal(found.loc[found.index[4] :], expected.loc[found.index[4] :])


def test_a_training_says_which_markets_it_learned_from(market, home):
    other = stored("USDT/BOB@there", seed=1)
    run = training_request(
        market=market, task=SPEC.task, family=SPEC.name, params=SMALL, enqueue=False
    )
    run = training_execute(run_id=run.pk)
    assert run.status == "succeeded", run.error_message
    (told,) = run.others
    assert (told["market"], told["windows"]) == (other.symbol, 200)
    manifest = ml.read_manifest(home / "artifacts" / run.model.artifact)
    assert manifest["others"] == run.others
    assert manifest["dataset_hash"] == run.dataset_hash
    assert run.dataset_hash != ml.dataset_hash(price_frame(market))
    card = model_card(run.model)
    assert card["data"]["others"] == run.others
    assert "**Learned from other markets**: USDT/BOB@there (200 windows)" in markdown(card)


def test_a_backtest_says_which_markets_it_learned_from(market, tmp_path):
    stored("USDT/BOB@there", seed=1)
    words = ["--task", str(SPEC.task), "--family", SPEC.name, "--market", market.symbol]
    words += ["--from", f"{START + dt.timedelta(minutes=30 * 1010):%Y-%m-%dT%H:%M}"]
    words += ["--to", f"{LAST:%Y-%m-%dT%H:%M}", "--origin-step", "24", "--report", str(tmp_path)]
    words += [w for k, v in SMALL.items() for w in ("--param", f"{k.replace('_', '-')}={v}")]
    out = io.StringIO()
    call_command("backtest", *words, stdout=out)
    said = out.getvalue().splitlines()[-1]
    assert said == "It learned from these markets too: USDT/BOB@there."
    assert said in (tmp_path / "report.html").read_text()
