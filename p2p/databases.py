"""Where the tables lie, from DATABASE_URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dj_database_url

#: WAL and IMMEDIATE let the web process and the workers write side by side: without them four
#: writers see "database is locked".
_SQLITE = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def database_settings(url: str, *, pooled: bool = False) -> dict[str, Any]:
    """Django's settings of that database, whose connections last: one whose server was restarted
    is noticed before a request, not by it. The folder of a SQLite file is made. `pooled`: a pooler
    stands before it that gives out connections by the transaction, and a cursor that outlives its
    own would be asked for in another one's."""
    found: dict[str, Any] = dict(
        dj_database_url.parse(url, conn_max_age=600, conn_health_checks=True)
    )
    found["DISABLE_SERVER_SIDE_CURSORS"] = pooled
    if found["ENGINE"].endswith("sqlite3"):
        Path(found["NAME"]).parent.mkdir(parents=True, exist_ok=True)
        found["OPTIONS"] = dict(_SQLITE)
    return found
