"""What the API is asked in the course of the story: method, path and body, call by call."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pandas as pd

from bench.golden.series import CUT
from bench.golden.world import World

BOB, SIM, AD = "USDT/BOB@binance_p2p", "USDT/SIM@simulated", "AD/CPC@nab"
Call = tuple[str, str, Any]


def calls(world: World, script: Iterable[Call]) -> list[dict[str, Any]]:
    """Call after call: method, path and body beside the answer."""
    return [
        {"call": f"{method} {path}", "answer": world.api(method, path, body)}
        for method, path, body in script
    ]


EMPTY: tuple[Call, ...] = (
    ("GET", "", None),
    ("GET", "markets", None),
    ("GET", "dl/model-info", None),
    ("POST", "dl/predict-price", {}),
    ("POST", "dl/train-price-predictor", {}),
)
_QUOTE = {"timestamp": "2025-12-01T10:00:00Z", "bid": 310.5, "ask": "312.25", "bid_offers": 7}
_MARKET = {"asset": "USDT", "fiat": "VES", "exchange": "there"}
MARKETS: tuple[Call, ...] = (
    ("POST", "markets", {**_MARKET, "cadence_minutes": 20}),
    ("POST", "markets", _MARKET),
    ("PATCH", "markets/1", {"cadence_minutes": 30}),
    ("POST", "prices", {"market": "1", "rows": [_QUOTE]}),
    ("POST", "prices", {"market": "USDT/VES@there", "rows": [_QUOTE]}),
    ("POST", "prices?market=1", [{**_QUOTE, "bid": 311, "ask_volume": 12.5}]),
    ("POST", "prices", [{"market": "USDT/VES@there", "timestamp": "2025-12-01 11:00", "price": 3}]),
    ("GET", "prices", None),
    ("GET", "markets/1", None),
)
UNTRAINED: tuple[Call, ...] = tuple(
    ("POST", f"dl/{name}", {"market": BOB})
    for name in ("predict-price", "predict-spread", "detect-anomalies", "recognize-patterns")
)


def numbers(world: World) -> dict[tuple[str, str, int], int]:
    """Ids of the versions, by market, task and version."""
    rows = world.api("GET", "models?page_size=1000")["body"]["results"]
    return {(row["market"], row["task"], row["version"]): row["id"] for row in rows}


def rows_of(quotes: pd.DataFrame, *, named: bool) -> list[Any]:
    """A posted sequence: objects with their times, or lists in the order of the input columns."""
    table = quotes.astype(object).where(quotes.notna(), None)
    if not named:
        return [list(row) for row in table.to_numpy()]
    return [
        {"timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}", **row}
        for at, row in zip(table.index, table.to_dict("records"), strict=True)
    ]


def asked(world: World, bob: pd.DataFrame) -> list[Call]:
    known = bob.loc[: pd.Timestamp(CUT)].dropna(subset=["bid", "ask"])
    models = world.api("GET", f"models?market={BOB}&version=1")["body"]["results"]
    columns = {row["task"]: row["input_columns"] for row in models}
    script: list[Call] = []
    for name, task in _QUESTIONS.items():
        quotes = known[columns[task]].iloc[-260:]
        path, other = f"dl/{name}", SIM if task == "pattern" else "4"
        script += [
            ("POST", path, {"market": BOB}),
            ("POST", path, {"market": other}),
            ("POST", f"{path}?at=2025-12-20T07:12:00Z&market={BOB}", None),
            ("POST", path, {"market": BOB, "at": "2025-12-24 00:00:00"}),
            ("POST", path, {"market": BOB, "at": "2025-12-28T12:00:00-04:00"}),
            ("POST", path, {"market": BOB, "sequence": rows_of(quotes, named=True)}),
            ("POST", path, {"market": BOB, "sequence": rows_of(quotes, named=False)}),
        ]
    everything = known[columns["anomaly"]].iloc[-700:]
    scan: list[dict[str, Any]] = [
        {},
        {"threshold": 0.03},
        {"alarm_rate": "1/day"},
        {"sensitivity": 70},
        {"mode": "last"},
        {"from": "2025-12-10", "to": "2025-12-20T12:00:00Z", "threshold": 0.05},
        {"sequence": rows_of(everything, named=True), "threshold": 0.05},
        {"sequence": rows_of(everything, named=False), "mode": "last"},
    ]
    script += [("POST", "dl/detect-anomalies", {"market": BOB, **values}) for values in scan]
    script.append(("POST", "dl/detect-anomalies", {"market": SIM, "threshold": 0.05}))
    script.append(("POST", "dl/recognize-patterns", {"market": BOB, "history": 30}))
    script.append(("GET", "dl/model-info", None))
    return script


_QUESTIONS = {
    "predict-price": "price",
    "predict-spread": "spread",
    "recognize-patterns": "pattern",
}


def judged(world: World) -> list[Call]:
    """Feedback on three events (on fewer, where there are fewer, again), taken back once; rows seen
    and labelled."""
    events, rows = (
        [
            f"{name}/{row['id']}"
            for row in world.api("GET", f"{name}?ordering=id")["body"]["results"]
        ]
        for name in ("anomaly-events", "anomalies")
    )
    first, second, third = itertools.islice(itertools.cycle(events), 3)
    false = {"feedback": "false", "note": "a slip of the collector"}
    return [
        ("POST", f"{first}/feedback", {"feedback": "true"}),
        ("POST", f"{second}/feedback", false),
        ("POST", f"{second}/feedback", {"feedback": ""}),
        ("POST", f"{third}/feedback", false),
        ("POST", f"{rows[0]}/acknowledge", None),
        ("POST", f"{rows[0]}/acknowledge", None),
        ("POST", f"{rows[-1]}/label", {"label": "false"}),
        ("POST", f"{rows[-1]}/label", {"label": ""}),
    ]


def versions(world: World) -> list[Call]:
    """Promoted, refused, forced, rolled back, retired."""
    of = numbers(world)
    first, price = f"models/{of[BOB, 'price', 1]}", f"models/{of[BOB, 'price', 2]}"
    spread, pattern = f"models/{of[BOB, 'spread', 1]}", f"models/{of[BOB, 'pattern', 2]}"
    forced = {"force": True, "reason": "golden"}
    return [
        ("POST", f"{first}/promote", {}),
        ("POST", f"{price}/promote", {}),
        ("POST", f"{price}/promote", {"force": True}),
        ("POST", f"{price}/promote", forced),
        ("POST", f"{pattern}/promote", forced),
        ("POST", "models/rollback", {"market": BOB, "task": "price", "reason": "back again"}),
        ("POST", f"{spread}/retire", {"reason": "rests"}),
        ("POST", f"{spread}/retire", {"reason": "rests"}),
        ("POST", f"{spread}/promote", {"force": True, "reason": "back"}),
        ("POST", "models/rollback", {"market": AD, "task": "price"}),
    ]


RUNS: tuple[Call, ...] = (
    ("POST", "dl/train-spread-predictor", {"market": BOB, "epochs": 3, "hidden": 8}),
    ("POST", "training-runs", {"market": BOB, "task": "spread"}),
    ("POST", "training-runs/11/cancel", None),
    ("POST", "training-runs/11/cancel", None),
    ("POST", f"dl/train-anomaly-detector?market={SIM}&epochs=2&until=2025-12-30", None),
    ("POST", "training-runs/12/cancel", None),
    ("POST", "backtests", {"market": BOB, "task": "price", "from": "2025-12-20", "to": "2025-12-24",
                           "refit_every": "2d", "origin_step": 2, "hidden": 8}),
    ("POST", "backtests/1/cancel", None),
)  # fmt: skip
