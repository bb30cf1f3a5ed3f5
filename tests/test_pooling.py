"""Through PgBouncer, which gives out connections by the transaction, all is as without it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from analytics.models import Market, PriceHistory
from p2p.databases import database_settings
from tests.s3_server import free_port, listens

ROWS, HOUR = 3000, 3_600_000


@pytest.mark.any_database
def test_no_cursor_outlives_its_transaction_where_a_pooler_is():
    for pooled in (True, False):
        found = database_settings("postgres://a@b/c", pooled=pooled)
        assert found["DISABLE_SERVER_SIDE_CURSORS"] == pooled


@pytest.fixture
def pooler(transactional_db) -> Iterator[str]:
    """The address of one with a single connection, which all its clients share."""
    tool = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if connection.vendor != "postgresql":
        pytest.skip("PgBouncer is for PostgreSQL")
    if tool is None:
        pytest.skip("no pgbouncer here: apt-get install pgbouncer")
    database, port = connection.settings_dict, free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        config = Path(folder) / "pgbouncer.ini"
        config.write_text(
            f"[databases]\n* = host={database['HOST']} user={database['USER']}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\ndefault_pool_size = 1\n"
        )
        # Refused to root; its own account is the one that may go into the server's folder.
        owner = Path(database["HOST"]).stat().st_uid
        account = ["-u", pwd.getpwuid(owner).pw_name] if os.geteuid() == 0 else []
        server = subprocess.Popen([tool, "-q", *account, str(config)])
        try:
            listens(server, port)
            yield f"postgres://{database['USER']}@127.0.0.1:{port}/{database['NAME']}"
        finally:
            server.kill()
            server.wait()


def test_imports_side_by_side_and_a_backup_share_one_connection(pooler, tmp_path):
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("PARALELO_", "DJANGO_"))},
        "DATABASE_URL": pooler,
        "PARALELO_DATABASE_POOLED": "1",
        "PARALELO_HOME": str(tmp_path / "home"),
    }

    def start(*words: str) -> subprocess.Popen[str]:
        asked = [sys.executable, "manage.py", *words]
        return subprocess.Popen(
            asked, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def ended(made: subprocess.Popen[str]) -> None:
        said, _none = made.communicate(timeout=300)
        assert made.returncode == 0, said

    importing = []
    for number, fiat in enumerate(("BOB", "VES")):
        file = tmp_path / f"{fiat}.csv"
        lines = [f"{1_700_000_000_000 + k * HOUR},{7 + number},{7.1 + number}" for k in range(ROWS)]
        file.write_text("\n".join(["timestamp,bid,ask", *lines]))
        importing.append(start("import_prices", str(file), "--market", f"USDT/{fiat}@pooled"))
    for made in importing:
        ended(made)
    for number, fiat in enumerate(("BOB", "VES")):
        quotes = PriceHistory.objects.filter(market=Market.objects.get(fiat=fiat))
        assert (quotes.count(), set(quotes.values_list("bid", flat=True))) == (ROWS, {7 + number})
    kept = tmp_path / "all.zip"
    ended(start("backup", str(kept)))
    with zipfile.ZipFile(kept) as archive:
        assert archive.read("data/analytics.pricehistory.jsonl").count(b"\n") == 2 * ROWS + 1
