"""The commands do all that the API does: one story on a small market, then every refusal."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.utils.dateparse import parse_datetime

import ml
from analytics.models import AnomalyEvent, AnomalyResult, Market, TrainedModel, TrainingRun
from analytics.pages.metrics import metric_hint
from analytics.services.prices.posting import price_bulk_add
from analytics.services.prices.simulation import price_simulate
from tests.toy_families import short_params

pytestmark = pytest.mark.any_database

ROOT = Path(__file__).resolve().parents[3]


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def test_a_market_is_trained_asked_and_kept_by_commands_alone(db):
    market = price_simulate(days=60, seed=3)
    newest = market.prices.order_by("-timestamp").values_list("pk", flat=True)[:3]
    market.prices.filter(pk__in=list(newest)).delete()  # nothing may be quoted in the future
    for task in ("price", "spread", "anomaly", "pattern"):
        small = [
            f"--param={name}={value}" for name, value in short_params(ml.get_spec(task)).items()
        ]
        said = run("train_model", task, "--seed", "5", *small)
        assert "succeeded" in said, said
    assert TrainedModel.objects.count() == 4
    for model in TrainedModel.objects.all():
        assert [name for name in model.metrics if not metric_hint(name)] == []
    assert set(TrainingRun.objects.values_list("seed", flat=True)) == {5}

    for task in ("price", "spread"):
        answer = json.loads(run("forecast", "--task", task, "--json"))
        assert len(answer["horizons"]) == 4
        assert market.symbol in run("forecast", "--task", task)
    first = answer["as_of"]
    again = json.loads(run("forecast", "--task", "spread", "--at", first[:19], "--json"))
    assert again["as_of"] == first

    found = json.loads(run("detect_anomalies", "--threshold", "0.02", "--json"))
    assert found["count"] > 0
    assert AnomalyResult.objects.count() == found["stored_new"]
    assert "events" in run("detect_anomalies", "--threshold", "0.02")
    assert f"{found['events'][-1]['id']}" in run("detect_anomalies", "--threshold", "0.02")
    watched_and_judged(market)
    pattern = json.loads(run("recognize_patterns", "--history", "3", "--json"))
    assert len(pattern["history"]) == 3
    assert market.symbol in run("recognize_patterns")

    listed = json.loads(run("list_models", "--json"))
    assert {row["task"] for row in listed} == {"price", "spread", "anomaly", "pattern"}
    assert "lstm" in run("list_models", "--task", "price")
    price = TrainedModel.objects.get(task="price")
    if price.status != TrainedModel.Status.ACTIVE:
        run("promote_model", str(price.pk), "--force", "--reason", "test")
    assert "retired" in run("promote_model", str(price.pk), "--retire")
    assert "active" in run("promote_model", "--rollback", "price")
    assert "0 versions" in run("purge_models", "--keep", "2", "--dry-run")


def watched_and_judged(market: Market) -> None:
    """A quote far off raises an event as it arrives; what is said of it reaches the next fit."""
    assert f"{market.symbol}: " in run("watch_anomalies", "--market", market.symbol)
    last = market.prices.latest()
    for steps in (1, 2, 3):
        row = {"bid": last.bid, "ask": 2 * last.ask}
        row["timestamp"] = (last.timestamp + steps * dt.timedelta(minutes=30)).isoformat()
        price_bulk_add(rows=[row], market=market)
    event = AnomalyEvent.objects.get(is_open=True)
    assert f"#{event.pk}" in run("watch_anomalies")
    alone = json.loads(run("detect_anomalies", "--mode", "last", "--sensitivity", "50", "--json"))
    assert (alone["rows"], alone["threshold"]) == (1, 0.1)
    assert AnomalyEvent.objects.get(is_open=True).pk == event.pk
    live = dict(
        market.anomalies.filter(timestamp__gt=last.timestamp).values_list("timestamp", "score")
    )
    whole = json.loads(run("detect_anomalies", "--json"))
    scanned = {parse_datetime(row["timestamp"]): row["score"] for row in whole["anomalies"]}
    assert live
    assert live == pytest.approx({at: scanned[at] for at in live}, abs=1e-6)
    assert set(live) == {at for at in scanned if at > last.timestamp}
    assert "false alarm" in run("judge_event", str(event.pk), "false", "--note", "planted")
    assert "1 judged event was used." in run("train_model", "anomaly", "--epochs", "1")
    assert TrainingRun.objects.filter(labels=1).count() == 1
    assert "not judged" in run("judge_event", str(event.pk), "undo")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("forecast",), "no market"),
        (("forecast", "--market", "USDT/ZZZ@nowhere"), "USDT/ZZZ@nowhere"),
        (("detect_anomalies", "--market", "7"), "7"),
        (("recognize_patterns",), "no market"),
        (("train_model",), "what to train"),
        (("train_model", "price"), "no market"),
        (("train_model", "--run", "99"), "99"),
        (("promote_model",), "Name a version"),
        (("promote_model", "99"), "99"),
        (("purge_models", "--keep", "0"), "kept"),
        (("forecast", "--at", "tomorrow"), "tomorrow"),
        (("judge_event", "99", "true"), "99"),
        (("judge_event", "99", "true", "--by", "nobody"), "nobody"),
        (("watch_anomalies", "--market", "7"), "7"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(db, words, says):
    with pytest.raises(CommandError) as caught:
        run(*words)
    assert says.lower() in str(caught.value).lower()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--epochs", "0"), "epochs"),
        (("--learning-rate", "nan"), "learning_rate"),
        (("--param", "hidden"), "NAME=VALUE"),
        (("--param", "colour=red"), "colour"),
        (("--family", "transformer"), "transformer"),
        (("--family", "gru"), "there are: lstm"),
        (("--until", "2001-01-01"), "history"),
    ],
)
def test_a_training_that_cannot_start_leaves_no_run(db, words, says):
    Market.objects.create(asset="USDT", fiat="BOB", exchange="here")
    with pytest.raises(CommandError) as caught:
        run("train_model", "price", *words)
    assert says in str(caught.value)
    assert not TrainingRun.objects.exists()


def test_an_error_is_one_line_and_exit_1_never_a_traceback(tmp_path):
    env = {"PATH": "/usr/bin:/bin", "PARALELO_HOME": str(tmp_path)}
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "-v0"], cwd=ROOT, env=env, check=True)
    ran = subprocess.run(
        [*manage, "forecast"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert len(ran.stderr.strip().splitlines()) == 1
    assert ran.stdout == ""


def test_the_device_is_reported_for_people_and_for_programs(capsys):
    assert json.loads(run("device_info", "--json"))["type"]
    run("device_info")
    assert "Device:" in capsys.readouterr().out


def test_the_first_admin_is_made_once(db, settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "ADMIN_PASSWORD": ""}
    assert "password" in run("ensure_admin")
    assert run("ensure_admin") == ""


def test_a_given_admin_password_is_not_printed(db, settings, django_user_model):
    settings.ANALYTICS = {**settings.ANALYTICS, "ADMIN_PASSWORD": "given-by-hand-1"}
    assert "given-by-hand-1" not in run("ensure_admin")
    assert django_user_model.objects.get().check_password("given-by-hand-1")


def test_a_lost_password_is_set_anew_and_said_once(db, settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "ADMIN_PASSWORD": "the-first-one-1"}
    run("ensure_admin")
    assert run("ensure_admin") == ""
    settings.ANALYTICS = {**settings.ANALYTICS, "ADMIN_PASSWORD": "the-second-one-2"}
    said = run("ensure_admin")
    assert "its password is now the one you gave" in said
    assert "the-second-one-2" not in said
    account = get_user_model().objects.get(username="admin")
    assert account.check_password("the-second-one-2")
    assert run("ensure_admin") == ""
