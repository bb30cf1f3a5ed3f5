"""The project's settings on a database of their own: SQLite, or PostgreSQL where the environment
names one in PARALELO_TEST_DATABASE_URL (`make test` starts a server and runs both)."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

# Before torch loads: two spinning threads on a busy machine are many times slower than one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")
for _name in list(os.environ):
    if _name == "DATABASE_URL" or (
        _name.startswith("PARALELO_") and not _name.startswith("PARALELO_TEST_")
    ):
        del os.environ[_name]
# A child process of a test works in its parent's home and on its parent's database.
if "PARALELO_TEST_HOME" in os.environ:
    os.environ["PARALELO_HOME"] = os.environ["PARALELO_TEST_HOME"]
else:
    os.environ["PARALELO_HOME"] = _home = tempfile.mkdtemp(prefix="paralelo-test-")
    # Only who made the folder removes it: a forked child ends earlier.
    _maker = os.getpid()
    atexit.register(lambda: os.getpid() == _maker and shutil.rmtree(_home, ignore_errors=True))

import dj_database_url  # noqa: E402

from p2p.queues import broker_settings  # noqa: E402
from p2p.settings import *  # noqa: E402, F403
from p2p.settings import ANALYTICS, DATABASES, Q_CLUSTER  # noqa: E402
from p2p.storages import storage_settings  # noqa: E402

_URL = os.environ.get("PARALELO_TEST_DATABASE_URL")
if _URL:
    DATABASES["default"] |= dj_database_url.parse(_URL)
    if not _URL.startswith("sqlite"):
        DATABASES["default"].pop("OPTIONS", None)
else:
    # A file, not memory: the training child is another process and must see the same rows.
    DATABASES["default"]["NAME"] = str(Path(os.environ["PARALELO_HOME"]) / "db.sqlite3")
    DATABASES["default"]["TEST"] = {"NAME": str(Path(os.environ["PARALELO_HOME"]) / "test.sqlite3")}
# Every client of a test makes the middleware anew: it looks for a file when one is asked for, not
# for all of them each time (a fifth of the time of the tests of pages).
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ANALYTICS = {
    **ANALYTICS,
    "HEARTBEAT_SECONDS": 1,
    "REAP_AFTER": int(os.environ.get("PARALELO_TEST_REAP_AFTER", "300")),
    "WEDGED_AFTER": int(os.environ.get("PARALELO_TEST_WEDGED_AFTER", "300")),
    "ALLOW_PRIVATE_ADDRESSES": os.environ.get("PARALELO_TEST_ALLOW_PRIVATE") == "1",
}
STORAGES = storage_settings(os.environ.get("PARALELO_TEST_ARTIFACT_STORAGE", ""))
_BROKER = os.environ.get("PARALELO_TEST_BROKER", "")
if _BROKER:
    del Q_CLUSTER["orm"]
    Q_CLUSTER |= broker_settings(_BROKER)
