"""Imports by run: what is asked for, done at once or by the worker, killed and done again."""

from __future__ import annotations

import gzip
import os
import signal
import threading
import time

import pytest
from django.db import connection
from django.utils import translation

from analytics.conf import conf
from analytics.exceptions import InvalidInput
from analytics.models import ImportRun, Market, PriceHistory
from analytics.services.jobs import imports
from analytics.services.jobs.imports import IMPORT, import_execute, import_request, import_start
from analytics.services.jobs.lifecycle import job_cancel
from analytics.services.jobs.workers import job_launch
from analytics.services.prices.uploads import upload_get, upload_store
from tests import factories

from .conftest import send_quotes

pytestmark = pytest.mark.django_db
Status = ImportRun.Status
OTHER = {"market": "BTC/BOB@page"}


def start(upload, **options) -> ImportRun:
    return import_start(upload=upload, options={**OTHER, **options}, requested_by=None)


def test_a_short_file_is_imported_at_once_and_the_run_says_what_was_done(bell):
    run = start(send_quotes("q.csv"))
    assert (run.status, run.progress, run.by_worker, bell) == (Status.SUCCEEDED, 1.0, False, [])
    counts = {name: run.report[name] for name in ("read", "new", "rejected", "rejects_path")}
    assert counts == {"read": 3, "new": 3, "rejected": 0, "rejects_path": False}
    assert run.report["created"] == ["BTC/BOB@page"]
    assert any(one["what"] == "separator" for one in run.report["decisions"])
    assert PriceHistory.objects.filter(market__asset="BTC").count() == 3


def test_a_long_file_is_the_worker_s(bell, monkeypatch):
    monkeypatch.setattr(imports, "AT_ONCE_ROWS", 2)
    run = start(send_quotes("q.csv"))
    assert (run.status, run.by_worker) == (Status.QUEUED, True)
    assert bell == [("analytics.tasks.run_import", run.pk)]
    assert import_execute(run_id=run.pk).report["new"] == 3


def test_what_the_file_leaves_open_is_asked_before_there_is_a_run(bell):
    upload = upload_store(
        chunks=[b"fecha;precio\n01/02/2025;4.103\n03/02/2025;4.104"], name="a.csv"
    )
    with pytest.raises(InvalidInput) as caught:
        start(upload)
    assert caught.value.code.startswith("ambiguous_")
    assert not ImportRun.objects.exists()
    run = start(upload, decimal=".", date_format="mdy")
    assert run.report["new"] == 2
    days = PriceHistory.objects.order_by("timestamp").values_list("timestamp__date", "price")
    assert [(f"{day:%m-%d}", price) for day, price in days] == [("01-02", 4.103), ("03-02", 4.104)]


def test_rejects_lie_beside_the_file_and_a_file_of_them_is_a_failure_that_says_so(bell):
    body = b"timestamp,price\n2025-01-01T00:00:00Z,7\n" + b"2025-01-02T00:00:00Z,seven\n" * 3
    run = start(upload := upload_store(chunks=[body], name="a b.csv"))
    assert (run.status, run.error_code) == (Status.FAILED, "few_usable")
    assert (run.report["rejected"], run.report["rejects_path"]) == (3, True)
    assert upload.rejects.read_text().count("seven") == 3
    assert upload_get(run.upload) == upload


def test_a_file_that_is_gone_is_named(bell):
    upload = send_quotes("q.csv")
    run = import_request(upload=upload, options=OTHER, enqueue=True)
    upload.path.unlink()
    with pytest.raises(Exception, match="not here any more"):
        import_execute(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "unknown_upload")


def test_it_answers_in_the_language_of_whoever_asked(bell):
    with translation.override("es"):
        run = import_request(upload=send_quotes("q.csv"), options=OTHER, enqueue=True)
    done = import_execute(run_id=run.pk)
    assert any(one["what"] == "separador" for one in done.report["decisions"])
    assert translation.get_language() == "en"


def test_a_cancelled_import_stops_at_its_next_chunk_and_keeps_what_it_wrote(bell, monkeypatch):
    monkeypatch.setattr("analytics.services.prices.rows.CHUNK_ROWS", 10)
    run = import_request(upload=send_quotes("q.csv", 100), options=OTHER, enqueue=True)

    def cancel(progress):
        if progress.stage == "writing":
            job_cancel(run=run)

    monkeypatch.setattr(imports, "job_listener", _eager(imports.job_listener))
    done = import_execute(run_id=run.pk, listener=cancel)
    assert (done.status, done.error_code) == (Status.CANCELLED, "cancelled")
    assert PriceHistory.objects.count() == 10
    assert start(upload_get(run.upload)).report["new"] == 90


def _eager(listener):
    """Reports are stored at once instead of twice a second."""
    return lambda run, told, facts, every: listener(run, told, facts)


def test_an_import_that_is_killed_is_queued_again_and_ends_as_if_nothing_had_been(
    for_children, monkeypatch
):
    rung = []
    monkeypatch.setattr("analytics.queue.enqueue", lambda path, pk: rung.append(pk))
    count = 60_000
    run = import_request(upload=send_quotes("q.csv", count), options=OTHER, enqueue=True)
    rung.clear()
    killed = []

    def kill():
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            row = ImportRun.objects.get(pk=run.pk)
            if row.stage == "writing" and row.pid and row.done:
                os.kill(row.pid, signal.SIGKILL)
                killed.append(row.done)
                break
            time.sleep(0.02)
        connection.close()

    killer = threading.Thread(target=kill)
    killer.start()
    job_launch(IMPORT, run_id=run.pk)
    killer.join()
    assert killed
    assert 0 < PriceHistory.objects.count() < count
    run.refresh_from_db()
    assert (run.status, run.attempts, rung) == (Status.QUEUED, 1, [run.pk])
    job_launch(IMPORT, run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts) == (Status.SUCCEEDED, 2)
    assert run.report["new"] + run.report["unchanged"] == count == PriceHistory.objects.count()
    assert Market.objects.count() == 1
    assert (conf().logs / f"import-{run.pk}.log").exists()


def test_others_write_while_the_worker_imports(for_children):
    """A collector posts its quotes all the time; before there was a gap between chunks, SQLite let
    it wait until it gave up."""
    run = import_request(upload=send_quotes("q.csv", 60_000), options=OTHER, enqueue=True)
    other = factories.make_market("USDT/BOB@collector")
    waits = []

    def post():
        while ImportRun.objects.filter(pk=run.pk, status__in=ImportRun.OPEN).exists():
            if ImportRun.objects.filter(pk=run.pk, stage="writing").exists():
                started = time.monotonic()
                factories.make_quotes(other, 1)
                waits.append(time.monotonic() - started)
            time.sleep(0.01)
        connection.close()

    collector = threading.Thread(target=post)
    collector.start()
    job_launch(IMPORT, run_id=run.pk)
    collector.join()
    run.refresh_from_db()
    assert (run.status, run.report["new"]) == (Status.SUCCEEDED, 60_000)
    assert len(waits) >= 3
    assert max(waits) < 10


def test_a_packed_file_is_read_too(bell):
    body = gzip.compress(send_quotes("q.csv", 5).path.read_bytes())
    assert start(upload_store(chunks=[body], name="q.csv.gz")).report["new"] == 5
