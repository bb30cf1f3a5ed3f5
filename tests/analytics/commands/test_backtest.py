"""The command `backtest`: on the database, on files, and what it refuses."""

from __future__ import annotations

import io
import re

import pandas as pd
import pytest
from django.core.management import CommandError, call_command

import ml
from analytics import queue
from analytics.models import BacktestRun, Market, PriceHistory
from tests.markets import wandering_market as make_quotes

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
QUOTES = make_quotes(1700)
WINDOW = ["--from", f"{QUOTES.index[1550]:%Y-%m-%dT%H:%M}", "--to", "2025-02-04"]
PARAMS = ("epochs=1", "hidden=8", "width=16", "members=1", "batch-size=32")
PANEL = next(spec.name for spec in ml.list_specs("spread") if spec.panel)
SMALL = [word for pair in PARAMS for word in ("--param", pair)]


def backtest(*words: str) -> str:
    out = io.StringIO()
    call_command("backtest", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def market():
    market = Market.objects.create(asset="USDT", fiat="BOB", exchange="here", cadence_minutes=30)
    PriceHistory.objects.bulk_create(
        PriceHistory(market=market, timestamp=at, bid=round(row.bid, 6), ask=round(row.ask, 6))
        for at, row in QUOTES.iterrows()
    )
    return market


def test_it_writes_predictions_and_report_and_prints_the_table(market, tmp_path):
    target, report = tmp_path / "new" / "p.csv", tmp_path / "report"
    words = ["--task", "price", *WINDOW, *SMALL, "--origin-step", "2"]
    out = backtest(*words, "--predictions", str(target), "--report", str(report))
    assert "Backtest 1: succeeded." in out or "succeeded" in out
    assert "Distribution error" in " ".join(out.split())
    found = pd.read_csv(target)
    assert list(found.columns[:4]) == ["origin", "target", "h", "yhat"]
    assert found["origin"].iloc[0].endswith("Z")
    names = {"report.html", "report.png", "figures.json"}
    assert {p.name for p in report.iterdir()} == names
    page = (report / "report.html").read_text()
    assert page.count("<svg") == 4
    # One page that stands alone: nothing is fetched.
    assert not re.search(r'(src|href)="(?!#)|url\((?!#)|@import|<script', page)
    run = BacktestRun.objects.get()
    assert (run.status, run.by_worker, run.params["batch_size"]) == ("succeeded", False, 32)


def test_the_report_speaks_the_language_that_is_asked_for(market, tmp_path):
    words = ["--task", "price", *WINDOW, *SMALL, "--origin-step", "8", "--report", str(tmp_path)]
    said = " ".join(backtest(*words, "--language", "es").split())
    assert "Objetivos limpios, una línea por horizonte" in said
    page = (tmp_path / "report.html").read_text()
    assert '<html lang="es">' in page
    assert "Calibración: parte de los objetivos" in page
    assert [english for english in ("Calibration", "step", "skill") if english in page] == []


def test_files_need_no_database(tmp_path, home):
    QUOTES.rename(columns={"bid": "bid_price", "ask": "ask_price"}).assign(
        asset="USDT", fiat="BOB", exchange="here"
    ).to_csv(tmp_path / "q.csv.gz", index_label="timestamp")
    target = tmp_path / "p.csv.gz"
    words = ["--task", "spread", *WINDOW, *SMALL, "--origin-step", "3", "--family", PANEL]
    out = backtest(*words, "--data", str(tmp_path / "q.csv.gz"), "--predictions", str(target))
    assert "Distribution error" in " ".join(out.split())
    # Nor is there any other market in them.
    assert out.splitlines()[-1] == "It learned from no other market."
    assert set(pd.read_csv(target)["target"]) == {"spread_pct"}
    assert not BacktestRun.objects.exists()
    assert not list((home / "backtests").iterdir())


def test_it_can_be_left_to_the_worker(market, monkeypatch):
    rung = []
    monkeypatch.setattr(queue, "enqueue", lambda *call: rung.append(call))
    assert "is queued" in backtest("--task", "price", *WINDOW, "--queue")
    assert len(rung) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "price"], "--from, --to"),
        (["--task", "price", *WINDOW, "--param", "x"], "NAME=VALUE"),
        (["--task", "price", *WINDOW, "--param", "x=1"], "unknown parameter"),
        (["--task", "price", *WINDOW, "--refit-every", "often"], "number of days"),
        (["--task", "price", *WINDOW, "--data", "nowhere.csv"], "no file nowhere.csv"),
        (["--task", "price", "--from", "2031-01-01", "--to", "2031-02-01"], "no quotes"),
        (["--task", "price", "--from", "2025-01-02", "--to", "2025-02-01"], "too little"),
        (["--run", "77"], "no backtest 77"),
    ],
)
def test_what_it_cannot_do_is_one_line(market, words, said):
    with pytest.raises(CommandError) as error:
        backtest(*words)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
