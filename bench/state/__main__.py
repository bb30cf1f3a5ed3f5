"""Take the state of a new server; see the package's own words."""

from __future__ import annotations

from bench.golden import world

# Before numpy and torch load.
world.prepare()

import argparse  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import tarfile  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from bench import state  # noqa: E402
from bench.golden.world import World  # noqa: E402
from bench.state.questions import NOW, QUESTIONS, figures_of  # noqa: E402
from bench.state.server import done, lived  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.state", description=state.__doc__.split("\n")[0])
    parser.add_argument("target", type=Path)
    target: Path = parser.parse_args().target
    if target.exists():
        sys.stderr.write(f"{target} is there already; what made it may not be.\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="state-") as folder:
        server = World(Path(folder), NOW)
        with server.standing_still():
            lived(server)
            expected = expectations(server)
        pack(server, target, expected)
    sys.stdout.write(f"{target}: {target.stat().st_size / 1000:.0f} kB\n")
    return 0


def expectations(server: World) -> dict[str, Any]:
    from django.db.migrations.recorder import MigrationRecorder

    asked = [
        {
            "method": method,
            "path": path,
            "body": body,
            "figures": figures_of(done(server.api(method, path, body)), paths),
        }
        for method, path, body, paths in QUESTIONS
    ]
    applied = MigrationRecorder.Migration.objects.filter(app="analytics").order_by("name")
    return {
        "migration": applied.last().name,
        "now": server.clock.now.isoformat(),
        "answers": asked,
    }


def pack(server: World, target: Path, expected: dict[str, Any]) -> None:
    from django.db import connection

    home = server.home
    (home / "expected.json").write_text(json.dumps(expected, indent=1))
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=DELETE")
        cursor.execute("VACUUM")
    connection.close()
    target.parent.mkdir(parents=True, exist_ok=True)
    for picture in (home / "backtests").rglob("*.png"):
        picture.unlink()
    names = ("paralelo.sqlite3", "expected.json", "artifacts", "backtests")
    with tarfile.open(target, "w:gz", compresslevel=9) as archive:
        for name in names:
            archive.add(home / name, name, filter=_anonymous)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


if __name__ == "__main__":
    sys.exit(main())
