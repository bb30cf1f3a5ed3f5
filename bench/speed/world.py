"""A server to measure: production settings in a folder of its own, a simulated market with a
version of every task (one epoch: a longer training answers in the same time), its processes."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TASKS = ("price", "spread", "anomaly", "pattern")
MARKET = "USDT/AAA@sim0"


def production(home: str, *, database: str | None = None) -> None:
    """Settings of this process and its children, before Django is set up: a web process in
    production (with DEBUG on, Django would write every query down), on SQLite in `home` or on the
    `database` of that address."""
    os.environ |= {
        "PARALELO_HOME": home,
        "DJANGO_SETTINGS_MODULE": "p2p.settings",
        "PARALELO_DEBUG": "0",
        "PARALELO_TLS": "0",
        "PARALELO_SECRET_KEY": secrets.token_hex(32),
        "PARALELO_ALLOWED_HOSTS": "localhost,127.0.0.1",
        "PARALELO_LOG_LEVEL": "ERROR",
        "OMP_WAIT_POLICY": "PASSIVE",
        "OMP_NUM_THREADS": "1",
    }
    os.environ.pop("DATABASE_URL", None)
    if database:
        os.environ["DATABASE_URL"] = database


@contextmanager
def home() -> Iterator[str]:
    """A folder with an empty database, gone afterwards; Django is set up on it."""
    folder = tempfile.mkdtemp(prefix="paralelo-bench-")
    try:
        production(folder)
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def learn(market: Any, tasks: Sequence[str] = TASKS) -> None:
    """A version of every task, of one epoch, that answers whatever it is worth."""
    from analytics.models import TrainedModel
    from analytics.services.jobs.lifecycle import job_execute
    from analytics.services.jobs.training import TRAINING, training_request

    for task in tasks:
        run = training_request(market=market, task=task, params={"epochs": 1}, enqueue=False)
        job_execute(TRAINING, run_id=run.pk)
    TrainedModel.objects.filter(status="candidate").update(status="active")


def simulated(*, days: int = 100) -> Any:
    """A market that ends now."""
    import datetime as dt

    from django.utils import timezone

    from analytics.services.prices.simulation import price_simulate

    start = timezone.now() - dt.timedelta(days=days + 1)
    return price_simulate(market=MARKET, days=days, start=start)


def copies(first: Any, count: int, taken: int) -> list[Any]:
    """Markets that differ from the first in their name alone, numbered from `taken` on."""
    from analytics import artifacts
    from analytics.models import Market, TrainedModel, TrainingRun

    made = []
    for number in range(taken, taken + count):
        market = Market.objects.create(
            asset="USDT", fiat="AAA", exchange=f"sim{number}", cadence_minutes=30
        )
        _copy_quotes(first, market)
        for model in TrainedModel.objects.filter(market=first).select_related("run"):
            folder = artifacts.folder_of(model.artifact)
            run = TrainingRun.objects.get(pk=model.run_id)
            run.pk, run.market = None, market
            run.save(force_insert=True)
            name = f"{model.artifact}-copy{number}"
            shutil.copytree(folder, Path(folder).with_name(name), dirs_exist_ok=True)
            model.pk, model.market, model.run, model.artifact = None, market, run, name
            model.save(force_insert=True)
        made.append(market)
    return made


def _copy_quotes(first: Any, market: Any) -> None:
    """By the database itself: half a million rows by the ORM take minutes."""
    from django.db import connection

    from analytics.models import PriceHistory

    columns = ", ".join(
        f'"{name}"' for name in ("timestamp", *(c.name for c in PriceHistory.SCHEMA))
    )
    table = PriceHistory._meta.db_table
    sql = (
        f"INSERT INTO {table} (market_id, {columns}) "  # noqa: S608
        f"SELECT %s, {columns} FROM {table} WHERE market_id = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [market.pk, first.pk])


def token(*, staff: bool = False) -> str:
    """Of an account that may ask, or also act."""
    from django.contrib.auth import get_user_model
    from rest_framework.authtoken.models import Token

    who = get_user_model().objects.create(username=secrets.token_hex(4), is_staff=staff)
    return Token.objects.create(user=who).key


def sequence(market: Any) -> str:
    """A body of predict-price that holds the market's newest rows."""
    from analytics.models import PriceHistory, TrainedModel

    model = TrainedModel.objects.get(market=market, task="price")
    quotes = PriceHistory.objects.filter(market=market).order_by("-timestamp")
    rows = list(quotes.values_list(*model.input_columns)[: model.window])[::-1]
    return json.dumps({"market": market.symbol, "sequence": rows})


# ------------------------------------------------------------------------------- its processes
@contextmanager
def process(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process of this folder's, ended by SIGTERM; what it says is thrown away."""
    started = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(timeout=20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """Of a process and its threads, so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Memory of a process now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
