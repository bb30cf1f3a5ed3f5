"""How long a second writer waits for SQLite's lock while quotes are written.

python -m bench.locking [--rows 100000] [--profile]

Two cases in an empty database of their own: a posting that makes 100 markets with 50 quotes each,
and an import of ROWS quotes of one market. Beside them a process takes the write lock again and
again, as another worker would, and keeps the longest wait. Prints it beside the time of the whole.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import os
import pstats
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from bench.common import say
from bench.storing import command, quotes_write

MARKETS, EACH = 100, 50
_PAUSE = 0.005  # seconds between two tries of the second writer


def writer(database: str, stop: str, ready: str) -> None:
    """Take the lock and let it go until there is a file `stop`; print the longest wait."""
    link = sqlite3.connect(database, timeout=60, isolation_level=None)
    waits = []
    Path(ready).touch()
    while not Path(stop).exists():
        asked = time.perf_counter()
        link.execute("BEGIN IMMEDIATE")
        waits.append(time.perf_counter() - asked)
        link.execute("COMMIT")
        time.sleep(_PAUSE)
    sys.stdout.write(f"{max(waits):.3f}\n")


@contextlib.contextmanager
def beside(database: Path, folder: Path) -> Iterator[list[float]]:
    """A second writer while the block runs; the longest wait in seconds is in the list then."""
    stop, ready, waits = folder / "stop", folder / "ready", list[float]()
    for one in (stop, ready):
        one.unlink(missing_ok=True)
    code = "from bench.locking import writer; import sys; writer(*sys.argv[1:])"
    asked = [sys.executable, "-c", code, str(database), str(stop), str(ready)]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as process:
        while not ready.exists() and process.poll() is None:
            time.sleep(_PAUSE)
        try:
            yield waits
        finally:
            stop.touch()
            waits.append(float(process.communicate()[0]))


def posted(markets: int, each: int) -> list[dict[str, Any]]:
    """Objects as a collector posts them: `each` quotes of `markets` markets."""
    moments = pd.date_range("2025-01-01", periods=each, freq="30min").strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        {
            "timestamp": moment,
            "market": f"USDT/BOB@bench{number}",
            "bid": 10 + 0.001 * number,
            "ask": 10.1 + 0.001 * number,
        }
        for number in range(markets)
        for moment in moments
    ]


def post(folder: Path, profile: cProfile.Profile | None) -> None:
    """The posting of new markets, in this process."""
    import django

    django.setup()
    from django.conf import settings

    from analytics.services.prices.posting import price_bulk_add

    rows = posted(MARKETS, EACH)
    price_bulk_add(rows=posted(1, 2), create_market=True)  # what is loaded once is loaded
    started = time.perf_counter()
    with beside(Path(settings.DATABASES["default"]["NAME"]), folder) as waits:
        started = time.perf_counter()
        with profile or contextlib.nullcontext():
            price_bulk_add(rows=rows, create_market=True)
        wall = time.perf_counter() - started
    say(f"posting {MARKETS} new markets of {EACH} quotes: {wall:.2f} s, others wait {waits[0]:.2f}")


def load(folder: Path, rows: int) -> None:
    """The import of a file by its command."""
    from django.conf import settings

    file = folder / "quotes.csv"
    quotes_write(file, rows)
    with beside(Path(settings.DATABASES["default"]["NAME"]), folder) as waits:
        wall, _cpu, _said = command("import_prices", str(file))
    say(f"importing {rows} quotes: {wall:.1f} s, others wait {waits[0]:.2f} s at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--profile", action="store_true", help="Where the posting's time goes.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        os.environ.update(PARALELO_HOME=made, DJANGO_SETTINGS_MODULE="p2p.settings")
        os.environ.pop("DATABASE_URL", None)
        command("migrate")
        profile = cProfile.Profile() if options.profile else None
        post(Path(made), profile)
        if profile is not None:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
        load(Path(made), options.rows)


if __name__ == "__main__":
    main()
