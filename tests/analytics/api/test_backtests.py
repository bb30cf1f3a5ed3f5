"""The backtests of the API: asked for, followed, cancelled, and their files."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.utils import timezone

from analytics import queue
from analytics.models import BacktestRun, Market, PriceHistory
from analytics.services.jobs.backtests import BACKTEST

from .conftest import ROOT, assert_error

pytestmark = pytest.mark.django_db
FIRST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ASKED = {"task": "price", "from": "2026-02-10", "to": "2026-02-12T00:00Z"}
ASKED["from"] = "2026-02-10T00:00Z"


@pytest.fixture
def bell(monkeypatch):
    rung: list[tuple[str, int]] = []
    monkeypatch.setattr(queue, "enqueue", lambda path, *ids: rung.append((path, *ids)))
    return rung


@pytest.fixture
def history(market):
    return PriceHistory.objects.bulk_create(
        PriceHistory(market=market, timestamp=FIRST + dt.timedelta(minutes=30 * k), bid=7, ask=8)
        for k in range(2200)
    )


def make_backtest(market: Market, **more) -> BacktestRun:
    facts = {"task": "price", "start": FIRST, "end": timezone.now(), "step_minutes": 30}
    return BacktestRun.objects.create(market=market, **{**facts, **more})


def test_a_backtest_is_queued_with_its_address(api, history, bell):
    answer = api.post("backtests", {**ASKED, "refit_every": "30d", "origin_step": 2, "epochs": 3})
    assert answer.status_code == 202, answer.content
    run = BacktestRun.objects.get()
    url = f"{ROOT}backtests/{run.pk}"
    assert answer["Location"].rstrip("/") == url
    assert answer.json()["run_id"] == run.pk
    assert bell == [(BACKTEST.task_path, run.pk)]
    assert (run.refit_every.days, run.origin_step, run.params["epochs"]) == (30, 2, 3)
    found = api.get(url).json()
    assert (found["status"], found["progress"], found["refit_days"]) == ("queued", 0.0, 30)
    assert found["from"] == "2026-02-10T00:00:00Z"
    assert found["to"] == "2026-02-12T00:00:00Z"
    assert (found["figures"], found["files"]) == ([], {})


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"task": "anomaly"}, "invalid", "task"),
        ({"task": None}, "invalid", "task"),
        ({"from": "soon"}, "invalid", "from"),
        ({"to": "2026-02-09T00:00Z"}, "bad_config", "end"),
        ({"refit_every": "x"}, "bad_config", "refit_every"),
        ({"refit_every": "0d"}, "bad_config", "refit_every"),
        ({"origin_step": 0}, "invalid", "origin_step"),
        ({"depth": 3}, "bad_config", "depth"),
        ({"epochs": "many"}, "bad_config", "epochs"),
        ({"from": "2026-01-02T00:00Z"}, "not_enough_data", "market"),
        ({"to": "2300-01-01T00:00Z"}, "invalid", "to"),
    ],
)
def test_what_makes_no_sense_is_refused(refused, history, bell, change, code, field):
    refused("backtests", {**ASKED, **change}, code=code, field=field)
    assert not bell


def test_a_market_without_quotes_is_refused(refused, market, bell):
    refused("backtests", ASKED, code="no_history")


def test_a_twin_is_409_and_named(api, history, bell):
    first = api.post("backtests", ASKED).json()["run_id"]
    found = assert_error(api.post("backtests", ASKED), 409, "backtest_open")
    assert found["run_id"] == first


def test_the_list_is_short_and_filtered(api, market):
    done = make_backtest(market, status="succeeded", figures=[{"h": 1}])
    make_backtest(market, task="spread")
    found = api.get("backtests?status=succeeded").json()["results"]
    assert [row["id"] for row in found] == [done.pk]
    assert "figures" not in found[0]
    assert api.get("backtests?task=spread&ordering=-id").json()["count"] == 1
    assert_error(api.get("backtests?colour=red"), 400)
    assert_error(api.get("backtests/77"), 404, "not_found")


def test_cancelling(api, market):
    run = make_backtest(market)
    assert api.post(f"backtests/{run.pk}/cancel").json()["status"] == "cancelled"
    assert_error(api.post(f"backtests/{run.pk}/cancel"), 409, "run_closed")


def with_files(run, home):
    """A succeeded run's folder, with charts in two languages."""
    folder = home / "backtests" / "run-x"
    folder.mkdir(parents=True)
    for name in ("predictions.csv.gz", "report.en.png", "report.es.png"):
        (folder / name).write_bytes(name.encode())
    for language in ("en", "es"):
        (folder / f"charts.{language}.html").write_text(f"<figure>{language}</figure>")
    plan = {"task": "price", "start": "2026-05-01T00:00:00+00:00", "step_minutes": 30}
    plan |= {"end": "2026-05-08T00:00:00+00:00", "refit_seconds": None, "origin_step": 2}
    figures = [{"h": 6, "set": "clean", "n": 9000, "mae": 0.05, "skill": 0.925}]
    facts = {"market": "A/B@old", "plan": plan, "figures": figures}
    (folder / "figures.json").write_text(json.dumps(facts))
    BacktestRun.objects.filter(pk=run.pk).update(folder="run-x")
    return folder


def test_files_are_served_once_they_are_there(api, market, home):
    run = make_backtest(market, status="succeeded")
    for name in ("report", "chart", "predictions"):
        assert_error(api.get(f"backtests/{run.pk}/{name}"), 404, "no_file")
    with_files(run, home)
    files = api.get(f"backtests/{run.pk}").json()["files"]
    kinds = {"predictions": "application/gzip", "report": "text/html; charset=utf-8"}
    kinds |= {"chart": "image/png"}
    assert files.keys() == kinds.keys()
    for name, kind in kinds.items():
        answer = api.get(files[name])
        assert answer.status_code == 200
        assert answer["Content-Type"] == kind
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert b"".join(answer)
    assert_error(api.get(f"{files['report']}?x=1"), 400)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            ["0.9250", "<figure>en", "Average error", "Backtest of {symbol}", "every 60 minutes"],
        ),
        ("es", ["0,9250", "<figure>es", "Error medio", "Prueba histórica de {symbol}"]),
    ],
)
def test_a_report_speaks_the_reader_s_language(api, market, home, language, said):
    run = make_backtest(market, status="succeeded")
    with_files(run, home)
    page = api.get(f"backtests/{run.pk}/report", **{"Accept-Language": language}).content.decode()
    assert f'<html lang="{language}">' in page
    assert [text for text in said if text.format(symbol=market.symbol) not in page] == []
    assert "skill" not in page.lower()
    chart = api.get(f"backtests/{run.pk}/chart", **{"Accept-Language": language})
    assert b"".join(chart) == f"report.{language}.png".encode()


def test_a_report_of_before_has_its_charts_in_the_page_of_now(api, market, home):
    run = make_backtest(market, status="succeeded")
    folder = with_files(run, home)
    for path in folder.glob("*.e?.*"):
        path.unlink()
    old = '<html lang="en"><h1>old</h1><div><figure>a</figure><figure>b</figure></div></html>'
    (folder / "report.html").write_text(old)
    (folder / "report.png").write_bytes(b"old picture")
    page = api.get(f"backtests/{run.pk}/report", **{"Accept-Language": "es"}).content.decode()
    assert "<figure>a</figure><figure>b</figure>" in page
    assert ("Error medio" in page, "old" in page) == (True, False)
    assert b"".join(api.get(f"backtests/{run.pk}/chart")) == b"old picture"


@pytest.mark.parametrize("path", ["backtests", "backtests/1/cancel"])
def test_acting_needs_staff(as_user, path):
    assert_error(as_user.post(path, {}), 403, "permission_denied")


def test_any_account_may_read(as_user, market):
    assert as_user.get("backtests").status_code == 200
