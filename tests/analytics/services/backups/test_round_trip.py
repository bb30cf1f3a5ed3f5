"""What is backed up comes back: every row and file, into this database or another one."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from analytics import artifacts
from analytics.conf import conf
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import Market, PriceHistory, StoredBook, TrainedModel, WorkerHeartbeat
from analytics.services.backups import backup, folders, keeping, restore
from analytics.services.backups.backup import backup_make
from analytics.services.backups.restore import backup_restore
from tests.analytics.services.backups.conftest import everything, files, write_folder
from tests.factories import make_market, make_quotes


def emptied() -> None:
    """As a server is after its first migrate."""
    from analytics.services.backups.tables import tables, tables_empty

    with transaction.atomic():
        tables_empty(tables())
    for root in (conf().artifacts, conf().backtests):
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def saved(server, tmp_path):
    path = tmp_path / "server.zip"
    made = backup_make(path=path)
    assert made["missing"] == []
    return path


def test_everything_comes_back_into_an_empty_server(saved):
    rows, there = everything(), files()
    emptied()
    done = backup_restore(path=saved)
    assert everything() == rows
    assert files() == there
    assert done["rows"] == sum(len(lines) - 1 for lines in rows.values()) > 100
    assert bytes(StoredBook.objects.get().data) == bytes(range(256))
    assert get_user_model().objects.get().check_password("a long secret")
    # New rows take numbers of their own.
    make_quotes(make_market("BTC/USD@x"), 3)


def test_a_server_that_is_not_empty_is_replaced_only_by_force(saved):
    rows = everything()
    make_quotes(make_market("BTC/USD@x"), 3)
    with pytest.raises(Conflict) as refused:
        backup_restore(path=saved)
    assert refused.value.code == "not_empty"
    backup_restore(path=saved, force=True)
    assert everything() == rows


def test_restored_over_itself_no_folder_moves(saved):
    there = files()
    backup_restore(path=saved, force=True)
    assert files() == there


def test_a_folder_that_is_another_one_here_keeps_its_name_until_the_rows_are_there(saved):
    there = sorted(files().values())
    write_folder(artifacts.folder_of("price-1-run1-1"), weights=b"of another life")
    backup_restore(path=saved, force=True)
    name = TrainedModel.objects.get(task="price").artifact
    assert name.startswith("price-1-run1-1-")
    assert (artifacts.folder_of(name) / "deep/weights").read_bytes() == b"price-1-run1-1" * 99
    # What nobody names any more is gone.
    assert sorted(files().values()) == there


def test_folders_of_what_was_replaced_are_removed(saved):
    market = make_market("BTC/USD@x")
    from tests.factories import make_model

    make_model(market, artifact="price-9-run9-1")
    write_folder(artifacts.folder_of("price-9-run9-1"), weights=b"x")
    backup_restore(path=saved, force=True)
    assert not artifacts.folder_of("price-9-run9-1").exists()


@pytest.mark.parametrize("moment", ["rows_insert", "sequences_set"])
def test_a_restore_that_fails_leaves_the_server_as_it_was(saved, monkeypatch, moment):
    make_quotes(make_market("BTC/USD@x"), 3)
    write_folder(artifacts.folder_of("price-1-run1-1"), weights=b"of another life")
    rows, there = everything(), files()
    real = getattr(restore, moment)
    calls = []

    def fails(*given):
        calls.append(given)
        if moment == "sequences_set" or len(calls) > 9:
            raise DatabaseError("disk is full")
        return real(*given)

    monkeypatch.setattr(restore, moment, fails)
    with pytest.raises(DatabaseError):
        backup_restore(path=saved, force=True)
    assert everything() == rows
    assert files() == there


class Killed(BaseException):
    """The end of the process, wherever it is."""


def test_killed_before_the_commit_the_old_server_is_whole(saved, monkeypatch):
    rows, there = everything(), files()
    write_folder(artifacts.folder_of("price-1-run1-1"), weights=b"of another life")
    there = files()

    def killed(*given):
        raise Killed

    monkeypatch.setattr(restore, "_replace", killed)
    # A process that is killed cleans nothing up.
    monkeypatch.setattr(folders.Published, "discard", lambda self: None)
    with pytest.raises(Killed):
        backup_restore(path=saved, force=True)
    assert everything() == rows
    assert {name: files()[name] for name in there} == there


# ------------------------------------------------------------------------------------- refusals
def changed(path, target, change):
    """The archive with some members changed: name -> bytes, or None to leave it out."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


@pytest.mark.parametrize(
    "change",
    [
        lambda name, data: data.replace(b"USDT", b"USDC"),
        lambda name, data: None if name.endswith("weights") else data,
        lambda name, data: None if name == "manifest.json" else data,
    ],
)
def test_a_damaged_backup_is_refused_and_nothing_changes(saved, tmp_path, change):
    rows = everything()
    with pytest.raises(InvalidInput) as refused:
        backup_restore(path=changed(saved, tmp_path / "bad.zip", change), force=True)
    assert refused.value.code == "bad_backup"
    assert everything() == rows


def test_a_truncated_backup_is_refused(saved):
    saved.write_bytes(saved.read_bytes()[:-400])
    with pytest.raises(InvalidInput):
        backup_restore(path=saved, force=True)


def test_a_path_that_leads_out_of_its_folder_is_refused(saved, tmp_path):
    def out(name, data):
        if name == "manifest.json":
            manifest = json.loads(data)
            evil = "files/artifacts/x/../../../evil"
            manifest["members"][evil] = {"sha256": "2" * 64, "bytes": 0}
            return json.dumps(manifest).encode()
        return data

    path = changed(saved, tmp_path / "evil.zip", out)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("files/artifacts/x/../../../evil", b"")
    with pytest.raises(InvalidInput):
        backup_restore(path=path, force=True)


def test_a_backup_of_another_version_is_refused_by_name(saved, tmp_path):
    def newer(name, data):
        if name != "manifest.json":
            return data
        manifest = json.loads(data)
        manifest["migrations"]["analytics"].append("0999_later")
        return json.dumps(manifest).encode()

    with pytest.raises(Conflict, match=r"analytics\.0999_later") as refused:
        backup_restore(path=changed(saved, tmp_path / "newer.zip", newer), force=True)
    assert refused.value.code == "other_version"


def test_a_running_worker_is_in_the_way(saved):
    now = timezone.now()
    WorkerHeartbeat.objects.create(name="here", pid=1, started_at=now, seen_at=now)
    with pytest.raises(Conflict) as refused:
        backup_restore(path=saved, force=True)
    assert refused.value.code == "worker_alive"


# ------------------------------------------------------------------------------------- the file
def test_the_file_is_the_owners_alone_and_never_overwritten_by_accident(saved):
    assert oct(saved.stat().st_mode)[-3:] == "600"
    with pytest.raises(Conflict) as refused:
        backup_make(path=saved)
    assert refused.value.code == "file_exists"
    backup_make(path=saved, force=True)


def test_a_backup_that_fails_leaves_no_file(server, tmp_path, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "lines_of", full)
    with pytest.raises(OSError, match="No space"):
        backup_make(path=tmp_path / "folder/server.zip")
    assert list((tmp_path / "folder").iterdir()) == []


def test_an_artifact_that_is_missing_is_said_and_no_reason_to_fail(server, tmp_path):
    artifacts.discard(artifacts.folder_of("price-1-run1-1"))
    made = backup_make(path=tmp_path / "server.zip")
    assert made["missing"] == ["artifacts/price-1-run1-1"]


def test_commands_speak_in_one_line(server, tmp_path):
    out = io.StringIO()
    call_command("backup", str(tmp_path / "b.zip"), stdout=out)
    with pytest.raises(CommandError, match="not empty"):
        call_command("restore", str(tmp_path / "b.zip"), stdout=out)
    call_command("restore", str(tmp_path / "b.zip"), "--force", stdout=out)
    assert "Restored:" in out.getvalue()
    with pytest.raises(CommandError):
        call_command("restore", str(tmp_path / "none.zip"))


def test_scheduled_backups_keep_the_newest(server, settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "KEEP_BACKUPS": 2}
    assert keeping.backup_last() is None
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    (conf().backups).mkdir(parents=True)
    (conf().backups / ".paralelo-20251231-000000.zip.7.part").write_bytes(b"x")
    for day in range(4):
        keeping.backup_scheduled(now=start + dt.timedelta(days=day))
    left = sorted(path.name for path in conf().backups.iterdir())
    assert left == ["paralelo-20260103-000000.zip", "paralelo-20260104-000000.zip"]
    last = keeping.backup_last()
    assert last["made_at"] == start + dt.timedelta(days=3)
    assert last["bytes"] > 1000


# ---------------------------------------------------------------------------- one moment, for all
@pytest.mark.django_db(transaction=True)
def test_a_backup_is_of_one_moment_and_keeps_no_writer_waiting(server, tmp_path):
    """Another process writes in the middle: it is not kept waiting, and not in the backup."""
    count = PriceHistory.objects.count()
    found = []

    def write_then(label, rows):
        if label == "analytics.market":
            _elsewhere(
                "from analytics.models import Market, PriceHistory; from django.utils import "
                "timezone; PriceHistory.objects.create(market=Market.objects.get(), "
                "timestamp=timezone.now(), bid=1, ask=2)"
            )
        found.append((label, rows))

    backup_make(path=tmp_path / "server.zip", on_table=write_then)
    assert PriceHistory.objects.count() == count + 1
    assert dict(found)["analytics.pricehistory"] == count


def _elsewhere(code: str) -> None:
    database = connection.settings_dict
    url = f"sqlite:///{database['NAME']}"
    if connection.vendor == "postgresql":
        from urllib.parse import quote

        host = quote(database["HOST"], safe="")
        url = f"postgres://{database['USER']}@{host}/{database['NAME']}"
    _manage("shell", "-v0", "-c", code, url=url)


def _manage(*arguments: str, url: str, home: str | None = None) -> str:
    environment = {
        **os.environ,
        "PARALELO_TEST_DATABASE_URL": url,
        "PARALELO_TEST_HOME": home or str(conf().HOME),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """The home of an SQLite server after its first migrate: to be copied."""
    home = tmp_path_factory.mktemp("migrated")
    _manage("migrate", "-v0", url=f"sqlite:///{home / 'db.sqlite3'}", home=str(home))
    return home


@pytest.fixture
def other(migrated, tmp_path):
    """Another server, fresh: the environment of its commands."""
    home = shutil.copytree(migrated, tmp_path / "other")
    return {"url": f"sqlite:///{home / 'db.sqlite3'}", "home": str(home)}


def test_a_backup_goes_into_a_fresh_sqlite_server_and_says_the_same_there(saved, other, tmp_path):
    """From whichever database the tests run on: PostgreSQL to SQLite, too."""
    assert "Restored:" in _manage("restore", str(saved), **other)
    _manage("backup", str(tmp_path / "again.zip"), **other)
    assert _members(tmp_path / "again.zip") == _members(saved)


def test_a_backup_of_sqlite_goes_into_this_database(db, other, tmp_path):
    _manage("simulate_prices", "--days", "3", **other)
    _manage("backup", str(tmp_path / "there.zip"), **other)
    backup_restore(path=tmp_path / "there.zip", force=True)
    backup_make(path=tmp_path / "here.zip")
    assert _members(tmp_path / "here.zip") == _members(tmp_path / "there.zip")
    assert Market.objects.get().prices.count() > 100


def _members(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("manifest.json"))["members"]
