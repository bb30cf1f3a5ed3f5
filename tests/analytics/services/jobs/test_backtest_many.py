"""A backtest for each market, family and window: what the queue gets, what is refused, and why."""

from __future__ import annotations

import datetime as dt
import io

import pytest
from django.core.management import CommandError, call_command

from analytics import queue
from analytics.exceptions import InvalidInput
from analytics.models import BacktestRun
from analytics.services.jobs.backtest_many import backtests_request, split_window
from tests.factories import make_market, make_quotes

END = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
START = END - dt.timedelta(days=6)
WINDOW = ["--from", f"{START:%Y-%m-%d}", "--to", f"{END:%Y-%m-%d}"]


@pytest.fixture
def markets(db):
    """Two that can be learned from, one that cannot."""
    found = [make_market(f"USDT/{fiat}@x", cadence_minutes=30) for fiat in ("BOB", "VES", "ARS")]
    for market, count in zip(found, (1600, 1600, 20), strict=True):
        make_quotes(market, count, end=END)
    return found


def printed(*arguments):
    out = io.StringIO()
    call_command("backtest_all", "--task", "price", *WINDOW, *arguments, stdout=out)
    return out.getvalue()


def test_the_queue_gets_one_for_each_market_family_and_window(markets, commits_at_once):
    windows = ["--windows", "2", "--family", "lstm", "--family", "dlinear"]
    text = " ".join(printed(*windows).split())
    waiting = BacktestRun.objects.filter(status="queued", by_worker=True)
    asked = waiting.values_list("market__fiat", "family", "start", "end")
    half = START + dt.timedelta(days=3)
    assert set(asked) == {
        (fiat, family, *bounds)
        for fiat in ("BOB", "VES")
        for family in ("lstm", "dlinear")
        for bounds in ((START, half), (half, END))
    }
    assert waiting.count() == queue.queue_lengths()[queue.LONG] == 8
    assert "8 queued, 4 not." in text
    assert "too little history" in text


def test_asked_twice_the_second_finds_the_first_ones_runs(markets, commits_at_once):
    printed("--market", "USDT/BOB@x")
    again = printed("--market", "USDT/BOB@x")
    assert "0 queued, 1 not." in again
    assert "is already open" in again
    assert BacktestRun.objects.count() == 1


def test_an_unknown_family_is_refused_before_anything(markets):
    with pytest.raises(InvalidInput) as refused:
        list(backtests_request(task="price", windows=[(START, END)], families=["lstm", "oracle"]))
    assert refused.value.code == "unknown_family"
    assert not BacktestRun.objects.exists()


def test_a_parameter_that_a_family_lacks_is_named_in_its_line(markets):
    families = ["dlinear", "lstm"]
    found = backtests_request(
        task="price",
        windows=[(START, END)],
        families=families,
        markets=markets[:1],
        params={"trend": 6},
        enqueue=False,
    )
    said = {one.family: (one.run is not None, one.message) for one in found}
    assert said["dlinear"] == (True, "")
    assert "trend" in said["lstm"][1]


@pytest.mark.parametrize("count", [0, -3])
def test_no_window_is_refused_by_name(count):
    with pytest.raises(InvalidInput) as refused:
        split_window(START, END, count)
    assert list(refused.value.fields) == ["windows"]


def test_without_ray_the_command_says_what_to_install(markets, monkeypatch):
    # What an import of a package that is not there does.
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(CommandError, match=r"pip install -r requirements-ray\.txt"):
        printed("--engine", "ray")
    assert not BacktestRun.objects.exists()
