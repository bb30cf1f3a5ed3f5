"""Backtests through the product: from stored quotes to stored files, without a leak on the way."""

from __future__ import annotations

import datetime as dt
import os
import socket

import pandas as pd
import pytest
from django.utils import timezone

import ml
from analytics import queue
from analytics.conf import conf
from analytics.exceptions import Conflict, InvalidInput, NotFound
from analytics.models import BacktestRun, Market, PriceHistory
from analytics.selectors.prices import price_frame
from analytics.services.jobs import backtest_runs
from analytics.services.jobs.backtest_data import backtest_of_files, quotes_of_files
from analytics.services.jobs.backtest_runs import backtest_execute, backtest_file
from analytics.services.jobs.backtest_states import (
    BACKTEST_TASK,
    backtest_cancel,
    backtest_reap,
    backtest_ring_again,
)
from analytics.services.jobs.backtesting import backtest_again, backtest_recent, backtest_request
from tests.markets import wandering_market as make_quotes

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
def bell(monkeypatch):
    rung: list[tuple[str, int]] = []
    monkeypatch.setattr(queue, "enqueue", lambda path, *ids: rung.append((path, *ids)))
    return rung


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
    for name in backtest_runs.FILES:
        assert backtest_file(run=run, name=name).stat().st_size > 100
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
    figures = backtest_of_files(
        paths=[tmp_path / "q.csv"],
        market=None,
        task="spread",
        start=START,
        end=END,
        params=SMALL,
        predictions=target,
        report=tmp_path / "report",
    )
    run = backtest_execute(run_id=ask().pk)
    assert target.read_bytes() == backtest_file(run=run, name="predictions").read_bytes()
    assert figures == run.figures
    assert (tmp_path / "report" / "report.html").is_file()


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
    assert bell == [(BACKTEST_TASK, run.pk)]
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


def test_a_twin_is_refused_by_name(ask):
    first = ask()
    with pytest.raises(Conflict) as error:
        ask()
    assert error.value.details == {"run_id": first.pk}
    assert ask(task="price").pk != first.pk


def test_recent_and_again_ask_for_what_their_names_say(ask, market):
    recent = backtest_recent(market=market, task="price", days=3)
    assert recent.end == QUOTES.index[-1]
    run = ask(refit_every="30d")
    backtest_cancel(run=run)
    again = backtest_again(run=run)
    same = ("start", "end", "refit_every", "origin_step", "params", "task")
    assert [getattr(again, n) for n in same] == [getattr(run, n) for n in same]


# ---------------------------------------------------------------------------------------- states
def test_second_delivery_does_nothing(ask, monkeypatch):
    run = ask()
    BacktestRun.objects.filter(pk=run.pk).update(status=Status.RUNNING)
    monkeypatch.setattr(ml, "run_backtest", None)
    assert backtest_execute(run_id=run.pk).status == Status.RUNNING


def test_cancelling_stops_a_running_one_and_the_next_goes_on(ask, monkeypatch, home):
    run = ask()

    def cancel_at_once(reporter, progress):
        reporter.stored = 0.0
        backtest_cancel(run=reporter.run)
        return asked(reporter, progress)

    asked = backtest_runs._Reporter.__call__
    monkeypatch.setattr(backtest_runs._Reporter, "__call__", cancel_at_once)
    done = backtest_execute(run_id=run.pk)
    assert (done.status, done.error_code) == (Status.CANCELLED, "cancelled")
    assert list((home / "backtests").glob("work-*"))
    with pytest.raises(NotFound):
        backtest_file(run=done, name="report")
    with pytest.raises(Conflict):
        backtest_cancel(run=done)


def test_a_queued_one_is_cancelled_at_once(ask):
    assert backtest_cancel(run=ask()).status == Status.CANCELLED


def test_a_failure_is_kept_in_words(ask, monkeypatch):
    def fail(*args, **more):
        raise ml.NotEnoughData("too little", needed=9, present=1)

    monkeypatch.setattr(ml, "run_backtest", fail)
    run = ask()
    with pytest.raises(InvalidInput):
        backtest_execute(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "not_enough_data")


def dead(run: BacktestRun, **more) -> None:
    facts = {"status": Status.RUNNING, "host": socket.gethostname(), "pid": 2**22 + 7}
    facts |= {"heartbeat_at": timezone.now(), "attempts": 1}
    BacktestRun.objects.filter(pk=run.pk).update(**{**facts, **more})


def test_one_whose_process_died_is_queued_again_then_failed(ask, bell):
    run = ask()
    dead(run)
    assert backtest_reap() == 1
    assert bell[-1] == (BACKTEST_TASK, run.pk)
    dead(run, attempts=conf().MAX_ATTEMPTS)
    assert backtest_reap() == 1
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "worker_died")


def test_a_killed_command_does_not_block_the_next(ask, bell):
    run = ask(enqueue=False)
    assert run.pid == os.getpid()
    dead(run, status=Status.QUEUED, attempts=0)
    assert ask(enqueue=False).pk != run.pk
    assert not bell


def test_the_bell_is_rung_again_for_the_worker_s(ask, bell):
    run = ask()
    ask(task="price", enqueue=False)
    bell.clear()
    assert backtest_ring_again() == 1
    assert bell == [(BACKTEST_TASK, run.pk)]


def test_two_in_one_work_folder_are_refused(tmp_path):
    with backtest_runs._alone(tmp_path), pytest.raises(Conflict), backtest_runs._alone(tmp_path):
        pass


def test_the_worker_s_child_runs_it(for_children, ask):
    run = ask()
    backtest_runs.backtest_launch(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == Status.SUCCEEDED, (conf().logs / f"backtest-{run.pk}.log").read_text()


def test_the_stored_quotes_are_those_of_the_frame(market):
    frame = price_frame(market)[["bid", "ask"]]
    pd.testing.assert_frame_equal(
        frame, QUOTES.round(6), check_freq=False, check_names=False, check_index_type=False
    )
