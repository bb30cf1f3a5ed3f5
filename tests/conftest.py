"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from urllib.parse import quote

import hypothesis
import pytest
from django.db import connection, transaction
from django.utils import translation

# How long an example takes says something of the machine, not of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what asks a database runs, and is not marked as being about something
    else: the rest has run beside SQLite."""
    if connection.vendor != "postgresql":
        return
    asks = [item for item in items if _asks_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _asks_database(item)])
    items[:] = asks


def pytest_collection_finish() -> None:
    """What was imported stays: looking for garbage among it, and that often, is a tenth of the
    tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def _asks_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("any_database") is not None:
        return False
    names = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ()))
    return bool(names) or item.get_closest_marker("django_db") is not None


@pytest.fixture
def shared_data() -> Path:
    """The folder of real recordings, where this machine has it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared folder of real recordings is not on this machine")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def home(tmp_path, settings):
    """Artifacts and logs of a test lie in its own folder."""
    settings.ANALYTICS = {**settings.ANALYTICS, "HOME": tmp_path / "home"}
    # whitenoise warns where the folder of collected files is missing.
    settings.STATIC_ROOT = tmp_path
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def caches():
    """What a process keeps between requests ends with the test: the next one has new rows under
    the same numbers."""
    yield
    if held := sys.modules.get("analytics.services.forecasts.newest"):
        held.newest.clear()
    if held := sys.modules.get("analytics.selectors.recent"):
        held.held_quotes.clear()
    if held := sys.modules.get("analytics.selectors.models"):
        held.version_row.cache_clear()


@pytest.fixture(autouse=True)
def default_language():
    """A Spanish request leaves its language on the thread: the next test gets the default. (No test
    has a parameter of this name: one would take this fixture's place.)"""
    yield
    translation.deactivate()


@pytest.fixture
def commits_at_once(monkeypatch):
    """What waits for the commit is done at once: the transaction around a test never commits.
    That subscribers wait is tests/analytics/test_events.py's."""
    monkeypatch.setattr(transaction, "on_commit", lambda call, *args, **kwargs: call())


@pytest.fixture
def for_children(transactional_db, home, monkeypatch):
    """Child processes (the worker, a training) see this test's database and home."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        url = f"postgres://{database['USER']}@{quote(database['HOST'], safe='')}/{database['NAME']}"
    monkeypatch.setenv("PARALELO_TEST_DATABASE_URL", url)
    monkeypatch.setenv("PARALELO_TEST_HOME", str(home))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    home.mkdir(parents=True, exist_ok=True)
