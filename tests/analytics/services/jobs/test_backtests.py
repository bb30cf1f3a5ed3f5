"""Backtests through the product: from stored quotes to stored files, without a leak on the way."""

from __future__ import annotations

import datetime as dt
import os
import socket

import pandas as pd
import pytest
from django.utils import timezone

import ml
from analytics.conf import conf
from analytics.exceptions import Conflict, InvalidInput, NotFound
from analytics.models import BacktestRun, Market, PriceHistory
from analytics.selectors.frames import price_frame
from analytics.services.jobs.backtest_files import Delivery, backtest_file, backtest_parts
from analytics.services.jobs.backtest_plans import (
    backtest_of_files,
    quotes_of_files,
    work_folder,
)
from analytics.services.jobs.backtests import (
    BACKTEST,
    backtest_again,
    backtest_execute,
    backtest_recent,
    backtest_request,
)
from analytics.services.jobs.lifecycle import job_cancel
from analytics.services.jobs.workers import job_launch
from tests.markets import wandering_market as make_quotes

pytestmark = pytest.mark.any_database

Status = BacktestRun.Status
SMALL = {"epochs": 1, "hidden": 8, "width": 16, "members": 1, "batch_size": 128}
QUOTES = make_quotes(1900)
START = QUOTES.index[1600].to_pydatetime()
END = QUOTES.index[1800].to_pydatetime()


def store(market: Market, quotes: pd.DataFrame) -> None:
    PriceHistory.objects.bulk_create(
        PriceHistory(market=market, timestamp=at, bid=round(row.bid, 6), ask=round(row.ask, 6))
        for at, row in quotes.iterrows()
    )


@pytest.fixture
def market(db):
    market = Market.objects.create(asset="USDT", fiat="BOB", exchange="here", cadence_minutes=30)
    store(market, QUOTES)
    return market


@pytest.fixture
def ask(market, bell):
    asked = {"market": market, "task": "spread", "start": START, "end": END, "params": SMALL}
    return lambda **more: backtest_request(**{**asked, **more})


def predictions(run: BacktestRun) -> pd.DataFrame:
    return pd.read_csv(backtest_file(run=run, name="predictions"), parse_dates=["origin"])


def test_a_backtest_leaves_predictions_report_and_figures(ask, home):
    run = backtest_execute(run_id=ask().pk)
    assert (run.status, run.progress, run.attempts) == (Status.SUCCEEDED, 1.0, 1)
    assert {line["h"] for line in run.figures} == set(ml.HORIZONS)
    for name in ("predictions", "chart"):
        assert backtest_file(run=run, name=name).stat().st_size > 100
    parts = backtest_parts(run)
    assert (parts.market, parts.figures) == (run.market.symbol, run.figures)
    assert parts.charts.count("<svg") == 4
    assert not list((home / "backtests").glob("work-*"))
    found = predictions(run)
    assert found["origin"].min() == START
    assert (found["origin"] + pd.to_timedelta(30 * found["h"], unit="min")).max() == END


def test_forecasts_come_out_of_a_database_cut_at_the_origin(ask, market, monkeypatch):
    """The whole path: what is stored after a moment changes nothing that was said before it."""
    whole = predictions(backtest_execute(run_id=ask().pk))
    moment = QUOTES.index[1700]
    later = PriceHistory.objects.filter(market=market, timestamp__gt=moment)
    later.update(bid=99, ask=101)
    spoiled = predictions(backtest_execute(run_id=ask().pk))
    later.delete()
    cut = predictions(backtest_execute(run_id=ask().pk))
    past = whole[whole["origin"] <= moment]
    for other in (spoiled, cut):
        same = other[other["origin"] <= moment]
        pd.testing.assert_frame_equal(past, same, rtol=1e-6)
    assert not spoiled.equals(whole)
    assert cut["origin"].max() == moment


def test_the_same_comes_out_of_a_file(ask, tmp_path):
    named = QUOTES.round(6).rename(columns={"bid": "bid_price", "ask": "ask_price"})
    named.assign(asset="USDT", fiat="BOB", exchange="here").to_csv(
        tmp_path / "q.csv", index_label="timestamp"
    )
    target = tmp_path / "out" / "p.csv.gz"
    parts = backtest_of_files(
        paths=[tmp_path / "q.csv"],
        market=None,
        task="spread",
        start=START,
        end=END,
        params=SMALL,
        files=Delivery(
            predictions=target, report=tmp_path / "report", page=lambda parts: parts.market
        ),
    )
    run = backtest_execute(run_id=ask().pk)
    assert target.read_bytes() == backtest_file(run=run, name="predictions").read_bytes()
    assert parts.figures == run.figures
    assert (tmp_path / "report" / "report.html").read_text() == "USDT/BOB@here"


def test_a_file_of_two_markets_needs_a_name(tmp_path):
    head = "timestamp,asset,fiat,exchange,bid_price,ask_price\n"
    rows = "".join(f"2025-01-01T00:00:00Z,USDT,{f},here,7,8\n" for f in ("BOB", "VES"))
    (tmp_path / "q.csv").write_text(head + rows)
    with pytest.raises(InvalidInput) as error:
        quotes_of_files([tmp_path / "q.csv"], None)
    assert error.value.code == "market_required"
    assert quotes_of_files([tmp_path / "q.csv"], "USDT/VES")[0] == "USDT/VES@here"


# ------------------------------------------------------------------------------------- requests
def test_a_request_is_queued_with_its_whole_configuration(ask, bell, market):
    run = ask(refit_every="2d", origin_step=4)
    assert bell == [(BACKTEST.task_path, run.pk)]
    assert run.refit_every == dt.timedelta(days=2)
    assert run.params["epochs"] == 1
    assert "learning_rate" in run.params
    assert run.step_minutes == market.cadence_minutes


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"task": "anomaly"}, "bad_config"),
        ({"end": START}, "bad_config"),
        ({"origin_step": 0}, "bad_config"),
        ({"refit_every": "soon"}, "bad_config"),
        ({"params": {"depth": 3}}, "bad_config"),
        ({"start": QUOTES.index[500].to_pydatetime()}, "not_enough_data"),
        ({"start": QUOTES.index[0].to_pydatetime()}, "no_history"),
        (
            {"start": END + dt.timedelta(days=90), "end": END + dt.timedelta(days=99)},
            "no_history",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_nothing(ask, bell, wrong, code):
    with pytest.raises(InvalidInput) as error:
        ask(**wrong)
    assert error.value.code == code
    assert not bell
    assert not BacktestRun.objects.exists()


def test_recent_and_again_ask_for_what_their_names_say(ask, market):
    recent = backtest_recent(market=market, task="price", days=3)
    assert recent.end == QUOTES.index[-1]
    run = ask(refit_every="30d")
    job_cancel(run=run)
    again = backtest_again(run=run)
    same = ("start", "end", "refit_every", "origin_step", "params", "task")
    assert [getattr(again, n) for n in same] == [getattr(run, n) for n in same]


# ---------------------------------------------------------------------------------------- states
def test_a_cancelled_one_keeps_its_work_and_has_no_files(ask, home):
    run = ask()
    done = backtest_execute(run_id=run.pk, listener=lambda progress: job_cancel(run=run))
    assert (done.status, done.error_code) == (Status.CANCELLED, "cancelled")
    assert list((home / "backtests").glob("work-*"))
    with pytest.raises(NotFound):
        backtest_file(run=done, name="report")


def test_a_killed_command_does_not_block_the_next(ask, bell):
    run = ask(enqueue=False)
    assert run.pid == os.getpid()
    gone = {"host": socket.gethostname(), "pid": 2**22 + 7, "heartbeat_at": timezone.now()}
    BacktestRun.objects.filter(pk=run.pk).update(**gone)
    assert ask(enqueue=False).pk != run.pk
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "worker_died")
    assert not bell


def test_two_in_one_work_folder_are_refused(tmp_path):
    with work_folder(tmp_path), pytest.raises(Conflict), work_folder(tmp_path):
        pass


def test_the_worker_s_child_runs_it(for_children, ask):
    run = ask()
    job_launch(BACKTEST, run_id=run.pk)
    run.refresh_from_db()
    assert run.status == Status.SUCCEEDED, (conf().logs / f"backtest-{run.pk}.log").read_text()


def test_the_stored_quotes_are_those_of_the_frame(market):
    frame = price_frame(market)[["bid", "ask"]]
    pd.testing.assert_frame_equal(
        frame, QUOTES.round(6), check_freq=False, check_names=False, check_index_type=False
    )
