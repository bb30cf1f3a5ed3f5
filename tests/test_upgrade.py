"""Databases and artifacts of earlier commits: migrated to the newest, they answer as they did.

`bench.state` made them and says what is in them. The SQLite file is taken as it is; for
PostgreSQL its rows are copied into tables of the same migration before both go forward."""

from __future__ import annotations

import datetime as dt
import json
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core import serializers
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import StateApps
from django.test import Client
from django.utils.module_loading import import_string

import ml
from analytics.models import Market, TrainedModel, WorkerHeartbeat
from bench.golden.compare import Comparison
from bench.golden.plain import masked
from bench.state.questions import SIDES, TOKEN, figures_of

STATES = sorted((Path(__file__).parent / "data").glob("state-*.tar.gz"))
ROOT = "/api/v1/analytics/"
#: A network's figures are of single precision, and its kernels add in an order that follows the
#: processor and how many rows are asked at once: they differ by less than 1e-7 of the figure.
ROUNDING = 1e-6


@dataclass(frozen=True)
class State:
    home: Path
    expected: dict[str, Any]


# ------------------------------------------------------------------------------------ the upgrade
@pytest.fixture(scope="module", params=STATES, ids=lambda path: path.name)
def state(request, tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[State]:
    """The server that was, upgraded; its database stands in for the tests' own."""
    home = tmp_path_factory.mktemp("upgraded")
    with tarfile.open(request.param) as archive:
        archive.extractall(home, filter="data")
    expected = json.loads((home / "expected.json").read_text())
    file = home / "paralelo.sqlite3"
    with django_db_blocker.unblock():
        on_sqlite = connection.vendor == "sqlite"
        with using(str(file)) if on_sqlite else copied(file, expected["migration"]):
            call_command("migrate", verbosity=0)
            yield State(home, expected)


@contextmanager
def using(name: str) -> Iterator[None]:
    """The default connection on the database of that name."""
    was = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = was


@contextmanager
def copied(file: Path, migration: str) -> Iterator[None]:
    """A new PostgreSQL database with the rows of the SQLite file, at the migration of the file."""
    name = "upgraded"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        with using(name):
            copy_rows(file, at_migration(migration))
            yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")


def at_migration(name: str) -> StateApps:
    """Migrate to that state, and answer with its models. Other apps are of pinned packages."""
    executor = MigrationExecutor(connection)
    others = [node for node in executor.loader.graph.leaf_nodes() if node[0] != "analytics"]
    targets = [("analytics", name), *others]
    executor.migrate(targets)
    return executor.loader.project_state(targets).apps


def copy_rows(file: Path, apps: StateApps) -> None:
    """As `dumpdata` and `loaddata` would, by the models of that state instead of today's."""
    models = apps.get_models()
    engine = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "OPTIONS": {}}
    connections.settings["recorded"] = {**connection.settings_dict, **engine}
    try:
        with transaction.atomic(), mock.patch("django.core.serializers.python.apps", apps):
            for model in models:
                rows = model._base_manager.using("recorded").all()
                for row in serializers.deserialize("python", serializers.serialize("python", rows)):
                    row.save()
            with connection.cursor() as cursor:
                for line in connection.ops.sequence_reset_sql(no_style(), models):
                    cursor.execute(line)
    finally:
        connections["recorded"].close()
        del connections["recorded"], connections.settings["recorded"]


# ------------------------------------------------------------------------------------- the server
class Caller:
    """Asks the API as eva, who is staff."""

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        data = {} if body is None else {"data": json.dumps(body)}
        answer = Client().generic(
            method,
            ROOT + path,
            content_type="application/json" if data else "",
            headers={"authorization": f"Token {TOKEN}"},
            **data,
        )
        assert answer.status_code < 300, answer.content
        return masked(answer.json())


@pytest.fixture
def upgraded(state, home, settings, monkeypatch) -> Iterator[State]:
    """The upgraded state at the moment when it was taken; what a test writes is taken back."""
    settings.ANALYTICS = {**settings.ANALYTICS, "HOME": state.home}
    # Without its folder whitenoise warns, and a warning is an error here.
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    now = dt.datetime.fromisoformat(state.expected["now"])
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    # The other way of asking a network differs in the seventh digit.
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with transaction.atomic():
        yield state
        transaction.set_rollback(True)


#: What a forecast says whose intervals were widened to those of the last value.
WIDENED = "intervals are no narrower than the last value's own moves ask for"


def narrower(now: dict[str, float], before: dict[str, float]) -> list[str]:
    """Horizons at which the outer quantiles of `now` lie closer together than they did."""

    def width(figures: dict[str, float], lowest: str) -> float:
        return figures[lowest.replace("/0.05", "/0.95")] - figures[lowest]

    lowest = [path for path in before if path.endswith("/quantiles/0.05")]
    assert lowest
    return [path for path in lowest if width(now, path) < width(before, path) - 1e-9]


def test_it_answers_with_the_figures_of_before(upgraded):
    widened = 0
    comparison = Comparison(relative=ROUNDING)
    for question in upgraded.expected["answers"]:
        answer = Caller()(question["method"], question["path"], question["body"])
        figures = figures_of(answer, tuple(question["figures"]))
        if WIDENED in answer.get("notes", ()):
            # Since then an input that looks like nothing learned is never answered too narrowly.
            widened += 1
            assert not narrower(figures, question["figures"])
            continue
        comparison.values(question["figures"], figures, path=question["path"])
    assert widened <= 2
    assert comparison.outcome.values > 100
    assert [str(found) for found in comparison.outcome.unexplained] == []


def test_every_artifact_loads_and_knows_its_task(upgraded):
    models = TrainedModel.objects.all()
    assert {model.task for model in models} == {str(task) for task in ml.Task}
    for model in models:
        folder = upgraded.home / "artifacts" / model.artifact
        predictor = ml.DLPredictor.load(folder, checksum=model.checksum)
        assert str(predictor.task) == model.task


@pytest.mark.usefixtures("commits_at_once")
def test_a_quote_that_arrives_goes_on_with_the_open_event(upgraded):
    ask = Caller()
    (event,) = ask("GET", "anomaly-events?open=true")["results"]
    row = {"timestamp": "2026-06-01T02:27:00Z", "bid": 9.3, "ask": 12.4}
    assert ask("POST", "prices", {"market": SIDES, "rows": [row]})["new"] == 1
    (grown,) = ask("GET", "anomaly-events?open=true")["results"]
    assert (grown["id"], grown["start"]) == (event["id"], event["start"])
    assert (grown["rows"], grown["end"]) == (event["rows"] + 1, row["timestamp"])


def test_what_was_queued_can_still_be_done_or_given_up(upgraded):
    from django_q.models import OrmQ, Schedule

    queued = [message.task["func"] for message in OrmQ.objects.all()]
    scheduled = [one.func for one in Schedule.objects.all()]
    assert len(queued) == 1
    assert len(scheduled) == 2
    assert all(callable(import_string(path)) for path in (*queued, *scheduled))
    ask = Caller()
    (run,) = ask("GET", "training-runs?status=queued")["results"]
    assert ask("POST", f"training-runs/{run['id']}/cancel")["status"] == "cancelled"


def test_people_see_it(upgraded, django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.get(username="ana"))
    numbers = TrainedModel.objects.values_list("pk", flat=True)
    pages = ["/", "/live/", "/patterns/", "/collection/", "/operations/", "/preferences/"]
    pages += [f"/markets/{pk}/" for pk in Market.objects.values_list("pk", flat=True)]
    pages += [f"/models/{number}/" for number in numbers]
    assert {path: client.get(path).status_code for path in pages} == dict.fromkeys(pages, 200)
    assert WorkerHeartbeat.objects.get().name == "worker-1"
