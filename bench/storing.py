"""How long a file of quotes takes into a database: `python -m bench.storing [ROWS]`.

A csv of ROWS quotes, a minute apart, is imported twice by `manage.py import_prices` in a process of
its own, into an empty SQLite database, or into the one that DATABASE_URL names (it must be empty).
Wall and CPU seconds (the database's own processes are not in them), and the most memory held."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

START = "2024-01-01"
MARKET = "USDT/BOB@bench"


def quotes_write(path: Path, rows: int) -> None:
    """Bid, ask and volumes as a collector writes them, a random walk."""
    chance = np.random.default_rng(0)
    mid = 10 * np.exp(np.cumsum(chance.normal(0, 1e-4, rows)))
    pd.DataFrame(
        {
            "timestamp": pd.date_range(START, periods=rows, freq="min", tz="UTC").strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ),
            "asset": "USDT",
            "fiat": "BOB",
            "exchange": "bench",
            "bid_price": (mid * 0.998).round(4),
            "ask_price": (mid * 1.002).round(4),
            "bid_volume": chance.lognormal(7, 1, rows).round(2),
            "ask_volume": chance.lognormal(7, 1, rows).round(2),
        }
    ).to_csv(path, index=False)


def command(*arguments: str) -> tuple[float, float, str]:
    """(wall seconds, CPU seconds, what was printed) of a command of ours."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], check=True, capture_output=True, text=True
    )
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, done.stdout


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PARALELO_HOME"] = folder
        file = Path(folder) / "quotes.csv"
        quotes_write(file, rows)
        command("migrate")
        for name in ("first", "again"):
            wall, cpu, _said = command("import_prices", str(file))
            line = f"{name}: {rows} quotes in {wall:.1f} s, {cpu:.1f} s of CPU time\n"
            sys.stdout.write(line)
            sys.stdout.flush()
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        sys.stdout.write(f"at most {peak:.0f} MB resident\n")


if __name__ == "__main__":
    main()
