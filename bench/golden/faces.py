"""One story told to the server through its faces: quotes arrive, models are trained, asked, judged,
promoted and scored; every answer is kept."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path
from typing import Any

import pandas as pd

from bench.golden import script
from bench.golden.plain import table_of
from bench.golden.script import AD, BOB, SIM
from bench.golden.series import CUT, NOW
from bench.golden.trainings import SMALL
from bench.golden.world import World

DAYS = 75
_TASKS = {"price": "lstm", "spread": "gru", "anomaly": "autoencoder", "pattern": "cnn"}


def story(world: World, data: Path, values: Path, bob: pd.DataFrame) -> dict[str, Any]:
    """`bob` is the market's quotes frame, `data` and `values` the files that are imported."""
    return world.stories(
        ("empty", lambda: script.calls(world, script.EMPTY)),
        ("markets", lambda: script.calls(world, script.MARKETS)),
        ("imported", lambda: imported(world, data, values)),
        ("untrained", lambda: script.calls(world, script.UNTRAINED)),
        ("trained", lambda: trained(world)),
        ("asked", lambda: script.calls(world, script.asked(world, bob))),
        ("live", lambda: live(world, bob)),
        ("judged", lambda: script.calls(world, script.judged(world))),
        ("relearned", lambda: world.command(*train(BOB, "anomaly", 3))),
        ("versions", lambda: script.calls(world, script.versions(world))),
        ("runs", lambda: script.calls(world, script.RUNS)),
        ("backtest", lambda: backtest(world)),
        ("forecasts", lambda: forecasts(world)),
    )


# ------------------------------------------------------------------------- quotes and trainings
def imported(world: World, data: Path, values: Path) -> dict[str, Any]:
    """The recorded market up to the last day, a simulated one, plain values; twice is once."""
    part = world.home / "bob.csv.gz"
    raw = pd.read_csv(data, dtype=str)
    moments = pd.to_datetime(raw["timestamp"], utc=True)
    kept = raw[(moments > CUT - dt.timedelta(days=DAYS)) & (moments <= CUT)]
    bad = kept.iloc[:2].assign(bid_price="free")
    text = pd.concat([kept, bad]).to_csv(index=False)
    part.write_bytes(gzip.compress(text.encode(), mtime=0))
    start = f"{NOW - dt.timedelta(days=70):%Y-%m-%d}"
    simulate = ("simulate_prices", "--days", "70", "--seed", "7", "--start", start)
    world.clock.now = CUT
    return world.stories(
        ("file", lambda: world.command("import_prices", str(part))),
        ("again", lambda: world.command("import_prices", str(part))),
        ("simulated", lambda: world.command(*simulate, "--anomalies")),
        ("values", lambda: world.command("import_prices", str(values), "--market", AD)),
        ("nothing", lambda: world.command("import_prices", "nowhere.csv")),
        ("written", lambda: _written(world, simulate)),
        ("audit", lambda: world.command("audit_data", "--market", BOB, "--json")),
        ("audit_table", lambda: world.command("audit_data", "--market", SIM)),
    )


def _written(world: World, simulate: tuple[str, ...]) -> dict[str, Any]:
    out, labels = world.home / "sim.csv", world.home / "labels.csv"
    said = world.command(
        *simulate[:3], "--start", "2025-01-01", "--anomalies", "--out", str(out), "--labels",
        str(labels),
    )  # fmt: skip
    tables = {"quotes": table_of(out.read_text()), "labels": table_of(labels.read_text())}
    return {"said": said, **tables}


def trained(world: World) -> dict[str, Any]:
    """Versions on both markets, some of which have to stand beside an earlier one. One that its
    baseline beats is promoted all the same, so that both ways of answering are asked later."""
    rounds = ((BOB, 0, tuple(_TASKS)), (SIM, 0, ("anomaly", "pattern")))
    rounds += ((BOB, 5, ("price", "anomaly", "pattern")),)
    said = {
        f"{market} seed {seed} {task}": world.command(*train(market, task, seed))
        for market, seed, tasks in rounds
        for task in tasks
    }
    forced = {"force": True, "reason": "golden"}
    path = f"models/{script.numbers(world)[BOB, 'pattern', 1]}/promote"
    return {**said, "forced": script.calls(world, [("POST", path, forced)])}


def train(market: str, task: str, seed: int) -> list[str]:
    sizes = {**SMALL[_TASKS[task]], "seed": seed, "epochs": 1}
    params = [word for name, value in sizes.items() for word in ("--param", f"{name}={value}")]
    return ["train_model", task, "--market", market, "--device", "cpu", *params]


# ------------------------------------------------------------------------------------------ live
def live(world: World, bob: pd.DataFrame) -> list[dict[str, Any]]:
    """The last day quote by quote, three of them far off: an event opens, grows and closes."""
    day = bob.loc[pd.Timestamp(CUT) + pd.Timedelta(seconds=1) :]
    found = []
    for number, row in enumerate(script.rows_of(day, named=True)):
        if number in (12, 13, 15):
            row["ask"] = round(1.2 * (row["ask"] or row["bid"]), 2)
        world.clock.now = day.index[number].to_pydatetime() + dt.timedelta(minutes=1)
        posted = world.api("POST", "prices", {"market": BOB, "rows": [row]})
        seen = world.api("GET", "anomaly-events?open=true&market=2")["body"]["results"]
        found.append({"posted": posted, "open": seen})
    world.clock.now = NOW
    found.append({"watched": world.command("watch_anomalies")})
    found.append({"one": world.command("watch_anomalies", "--market", SIM)})
    return found


def backtest(world: World) -> dict[str, Any]:
    """Run here and now; its files through the command and through the API."""
    sizes = {**SMALL["gru"], "epochs": 1}
    params = [word for name, value in sizes.items() for word in ("--param", f"{name}={value}")]
    out, report = world.home / "predictions.csv", world.home / "report"
    words = ["backtest", "--task", "spread", "--market", BOB, "--from", "2025-12-22"]
    words += ["--to", "2025-12-28", "--origin-step", "4", "--refit-every", "3d", *params]
    said = world.command(*words, "--predictions", str(out), "--report", str(report))
    return {
        "said": said,
        "predictions": table_of(out.read_text()),
        "report": sorted(path.name for path in report.iterdir()),
        "files": script.calls(
            world, [("GET", f"backtests/2/{n}", None) for n in ("predictions", "report", "chart")]
        ),
    }


def forecasts(world: World) -> dict[str, Any]:
    """Two weeks of forecasts that had their moment, scored as the schedule scores them."""
    from django.utils.module_loading import import_string

    first = NOW - dt.timedelta(days=15)
    for number in range(44):
        at = f"{first + dt.timedelta(hours=8 * number):%Y-%m-%dT%H:%M:%SZ}"
        for name in ("predict-price", "predict-spread"):
            world.api("POST", f"dl/{name}", {"market": BOB, "at": at})
    # The queue and the schedules of databases that are in use name it so.
    import_string("analytics.tasks.score_forecasts")()
    asked = [("GET", f"markets/2/accuracy{q}", None) for q in ("", "?days=3", "?days=365")]
    return {"accuracy": script.calls(world, asked)}
