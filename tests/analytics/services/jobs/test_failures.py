"""Failures of the machine: the run is closed with a code, the command ends in one line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError
from safetensors import SafetensorError

from analytics.exceptions import StorageAway, Unavailable
from analytics.models.run import Run
from analytics.services.failures import failure_of
from analytics.services.jobs import lifecycle, training
from analytics.services.jobs.lifecycle import job_execute
from analytics.services.jobs.workers import job_launch
from tests.factories import make_market, make_quotes, make_run

Status = Run.Status
FAILURES = [
    (OSError(28, "No space left on device"), "disk_full"),
    (OSError(122, "Disk quota exceeded"), "disk_full"),
    (PermissionError(13, "Permission denied", "/there"), "not_writable"),
    (OSError(30, "Read-only file system"), "not_writable"),
    (FileExistsError(17, "File exists"), "io_error"),
    (SafetensorError("I/O error: No space left on device (os error 28)"), "disk_full"),
    (OperationalError("database or disk is full"), "disk_full"),
    (OperationalError("database is locked"), "database_error"),
    (MemoryError(), "out_of_memory"),
    (StorageAway("no network"), "storage_away"),
]


@pytest.mark.parametrize(("error", "code"), FAILURES)
def test_a_failure_of_the_machine_closes_the_run_with_its_code(job, work, ended, error, code):
    work.ending = error
    run = job.request()
    with pytest.raises(Unavailable) as caught:
        job_execute(job.kind, run_id=run.pk)
    assert caught.value.code == code
    found = job.kind.get(run.pk)
    assert (found.status, found.error_code) == (Status.FAILED, code)
    assert found.error_message
    assert [event.code for event in ended] == [code]


def test_a_fault_of_the_program_is_no_failure_of_the_machine():
    assert failure_of(ZeroDivisionError("x")) is None
    assert failure_of(SystemExit(1)) is None


def test_an_artifact_folder_that_cannot_be_written_closes_the_run(market, bell, home):
    home.mkdir()
    (home / "artifacts").write_text("no folder")
    run = training.training_request(market=market, task="price", params={})
    with pytest.raises(Unavailable):
        training.training_execute(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "io_error")


def test_where_even_the_end_cannot_be_written_down_the_work_s_own_error_is_told(
    job, work, monkeypatch, caplog
):
    def deaf(*_args, **_facts):
        raise OperationalError("database is locked")

    work.ending = ZeroDivisionError("x")
    monkeypatch.setattr(lifecycle, "job_close", deaf)
    run = job.request()
    with pytest.raises(ZeroDivisionError):
        job_execute(job.kind, run_id=run.pk)
    assert job.kind.get(run.pk).status == Status.RUNNING
    assert "cannot be closed: database is locked" in caplog.text


def test_who_cannot_read_what_it_claims_has_not_claimed_it(job, monkeypatch):
    run = job.request()

    def deaf(run_id):
        raise DatabaseError("gone")

    with monkeypatch.context() as patch:
        patch.setitem(job.kind.__dict__, "get", deaf)
        with pytest.raises(DatabaseError):
            job_execute(job.kind, run_id=run.pk)
    found = job.kind.get(run.pk)
    assert (found.status, found.attempts) == (Status.QUEUED, 0)


def test_a_run_whose_log_cannot_be_written_is_closed(job, home):
    home.mkdir()
    (home / "logs").write_text("no folder")
    run = job.request()
    job_launch(job.kind, run_id=run.pk)
    found = job.kind.get(run.pk)
    assert (found.status, found.error_code) == (Status.FAILED, "io_error")


def test_a_run_whose_process_cannot_begin_is_closed(for_children, job, monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.no_settings")
    run = job.request()
    job_launch(job.kind, run_id=run.pk)
    found = job.kind.get(run.pk)
    assert (found.status, found.error_code) == (Status.FAILED, "not_begun")
    assert "before it began" in found.error_message


# ------------------------------------------------------------------------------ commands
@pytest.mark.parametrize("error", [e for e, _code in FAILURES if type(e) is not SafetensorError])
def test_a_command_says_it_in_one_line(db, monkeypatch, error):
    def fails(*_args, **_options):
        raise error

    monkeypatch.setattr("analytics.management.commands.train_model.training_execute", fails)
    run = make_run(make_market(), "price")
    with pytest.raises(CommandError) as caught:
        call_command("train_model", run=run.pk)
    assert "\n" not in str(caught.value)


def test_a_full_database_ends_a_command_in_one_line_and_exit_1(for_children, home):
    """A real process and a real refusal: SQLite is told that the disk ends here."""
    make_quotes(make_market(cadence_minutes=30), 1500)
    url = os.environ["PARALELO_TEST_DATABASE_URL"]
    if not url.startswith("sqlite"):
        pytest.skip("the other database has no such limit to set")
    code = (
        "import django, sys; django.setup()\n"
        "from django.db.backends.signals import connection_created\n"
        "def small(connection, **_): c = connection.cursor(); "
        # What earlier tests left free would be room.
        "c.execute('VACUUM'); "
        "c.execute('PRAGMA page_count'); n = c.fetchone()[0]; "
        "c.execute(f'PRAGMA max_page_count={n}')\n"
        "connection_created.connect(small)\n"
        "from django.core.management import execute_from_command_line as run\n"
        "run(['manage.py', 'simulate_prices', '--days', '200', '--market', 'A/B@c'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "no room left on the disk" in done.stderr
    assert "Traceback" not in done.stderr
