"""The acts of the demo, in order: a past, a detector, rules, collecting, a shock (and then
learning.py)."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import httpx

from tests.live_demo.asking import Clock, Server, race, wait_for
from tests.live_demo.report import Report
from tests.live_demo.scene import ROOT, Broken, Scene
from tests.receiver import Got, Receiver, verified

#: What is collected: market -> (venue, its options besides the address). The last one is a service
#: that nobody wrote an adapter for (docs/venues.md).
SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "USDT/VES@okx_p2p": ("okx_p2p", {}),
    "USDT/BOB@binance_agent": ("binance_agent", {}),
    "USDT/ARS@dolarito": (
        "json",
        {
            "ask": "cripto.sell",
            "bid": "cripto.buy",
            "time": "cripto.timestamp",
            "time_format": "unix_ms",
        },
    ),
}
#: The first one is watched, and shocked.
WATCHED = next(iter(SOURCES))
JSON_PATH = "/api/frontend/quotations/dolar"
#: Seconds between two readings of a source, the least there is.
INTERVAL = 5
#: The shock: prices times so much.
FACTOR = 1.12


def parts(symbol: str) -> dict[str, str]:
    asset, rest = symbol.split("/")
    fiat, exchange = rest.split("@")
    return {"asset": asset, "fiat": fiat, "exchange": exchange}


@dataclass
class Play:
    """What the acts share."""

    scene: Scene
    server: Server
    receiver: Receiver
    report: Report
    clock: Clock
    venues: str
    key: str = ""
    market: int = 0

    def wait(self, check: Any) -> Any:
        return wait_for(self.scene, check, seconds=self.clock.patience())


def past(play: Play, *, rows: int, minutes: int) -> None:
    """A history of the watched market."""
    from analytics.venues.book import Pair
    from tests.live_demo.past import past_quotes

    named = parts(WATCHED)
    pair, now = Pair(named["asset"], named["fiat"]), dt.datetime.now(dt.UTC)
    quotes = list(past_quotes(SOURCES[WATCHED][0], pair, rows=rows, minutes=minutes, until=now))
    body = {"market": WATCHED, "create_market": True, "rows": quotes}
    play.server.api("POST", "prices", body)
    play.market = play.server.rows("markets")[0]["id"]
    # Quotes come at another pace in a moment: the detector keeps to that of its history.
    play.server.api("PATCH", f"markets/{play.market}", {"cadence_minutes": minutes})
    days = rows * minutes / 1440
    play.report.note("history", True, f"{rows} quotes of {WATCHED}, {days:.0f} days")


def detector(play: Play) -> None:
    """A small detector learns from the history."""
    words = ["anomaly", "--market", WATCHED, "--epochs", "2", "--param", "members=1"]
    try:
        trained = subprocess.run(
            [sys.executable, "manage.py", "train_model", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=play.clock.patience(),
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise Broken(f"the training did not end within {late.timeout:.0f} s") from late
    said = (trained.stdout + trained.stderr).strip().splitlines()
    last = next((line for line in said if line.startswith("Run ")), said[-1] if said else "")
    if not play.report.note("detector", trained.returncode == 0, last):
        raise Broken("without a detector nothing is watched")


def rules(play: Play) -> None:
    """A webhook channel to our receiver, and two rules that tell it."""
    channel = {"name": "receiver", "kind": "webhook", "options": {"url": play.receiver.url}}
    made = play.server.api("POST", "alert-channels", channel)
    play.key = made["made_key"]
    common = {"market": WATCHED, "channels": [made["id"]]}
    strange = {"name": "strange", "kind": "anomaly", "params": {"severity": "high"}}
    moved = {"name": "moved", "kind": "move", "params": {"percent": 5, "hours": 0.05}}
    for rule in (strange, moved):
        play.server.api("POST", "alert-rules", {**common, **rule})
    play.report.note("rules", True, "an anomaly (high or worse); a move of 5 % in 3 min")


def sources(play: Play) -> None:
    """Three sources, read as fast as a source may be from now on."""
    for market, (venue, options) in SOURCES.items():
        if market != WATCHED:
            play.server.api("POST", "markets", parts(market))
        place = ("url", play.venues + JSON_PATH) if venue == "json" else ("base_url", play.venues)
        body = {"market": market, "venue": venue, "options": {**dict([place]), **options}}
        play.server.api("POST", "sources", {**body, "interval_seconds": INTERVAL, "enabled": True})
    play.scene.start("collector", "manage.py", "collect_prices")


def collecting(play: Play, *, readings: int) -> None:
    """Each source has given some quotes, and the watched market's newest were looked at."""

    def enough() -> list[dict[str, Any]] | None:
        rows = play.server.rows("sources")
        return rows if min(row["readings"] - row["failures"] for row in rows) >= readings else None

    found = play.wait(enough)
    rows = found or play.server.rows("sources")
    told = ", ".join(f"{row['market']} {row['readings']}" for row in rows)
    errors = [f"{row['market']} {row['errors']}" for row in rows if row["errors"]]
    text = f"readings: {told}; errors: {', '.join(errors) or 'none'}"
    if not play.report.note("collecting", bool(found), text):
        raise Broken("nothing is collected:\n" + play.scene.tail("collector"))
    _settled(play)


def _settled(play: Play) -> None:
    """The worker answers, and the newest quotes of the market were looked at."""
    alive = play.wait(lambda: play.server.ready()["worker_alive"])
    play.report.note("worker", bool(alive), "it answers" if alive else "no sign of life")

    def looked() -> str:
        found = play.server.api("GET", f"markets/{play.market}")
        until, last = found["watch"].get("scored_until"), found["last_quote_at"]
        fresh = until and last and _seconds(last) - _seconds(until) < 3 * INTERVAL
        return found["watch"]["state"] if fresh else ""

    state = play.wait(looked)
    play.report.note("watch", state in ("watching", "baseline"), f"{state or 'does not look'}")


def shock(play: Play) -> None:
    """The market jumps; who notices, and after how long."""
    calm = play.server.rows(f"prices?market={WATCHED}&ordering=-timestamp")[0]["ask"]
    play.report.say(f"{WATCHED} stands at {calm}: now it jumps by {FACTOR - 1:.0%}")
    named = parts(WATCHED)
    body = {"asset": named["asset"], "fiat": named["fiat"], "factor": FACTOR, "seconds": 600}
    began = time.time()
    httpx.post(f"{play.venues}/_play", json=body, trust_env=False).raise_for_status()
    looks = looks_of(play, calm=float(calm), began=began)
    missed = set(looks)
    for item, what, at in race(play.scene, looks, seconds=play.clock.patience()):
        missed.discard(item)
        at = what.at if isinstance(what, Got) else at
        play.report.note(item, True, f"{_NOTICED[item](what)}, {when_said(what, at, began)}")
    for item in sorted(missed):
        play.report.note(item, False, f"not seen within {time.time() - began:.0f} s")
    if missed:
        play.report.say("events: " + (", ".join(_events(play, began)) or "none"))


def when_said(what: Any, at: float, began: float) -> str:
    """How long after the shock, and what was there before it."""
    if at < began:
        return f"{began - at:.1f} s before the shock, of the event that it made worse"
    early = began - _seconds(what["start"]) if isinstance(what, dict) else 0
    was = f", open since {early:.0f} s before it" if early > 0 else ""
    return f"{at - began:.1f} s after the shock{was}"


def _events(play: Play, began: float) -> list[str]:
    """What there is of the watched market, for whoever looks for what was missed."""
    return [
        f"{row['kind']} {row['severity']}, {row['rows']} rows from "
        f"{_seconds(row['start']) - began:.0f} s, highest at {_seconds(row['peak']) - began:.0f} s"
        for row in play.server.rows(f"anomaly-events?market={WATCHED}")
    ]


def looks_of(play: Play, *, calm: float, began: float) -> dict[str, Any]:
    """Item -> the look that finds it. An event is the shock's where it is a high one with a quote
    since that `began`, and a message where it came since then. A detector that learned little may
    have an event open when the shock comes, and have told of it: `when_said` says so."""
    server = play.server

    def quote() -> Any:
        newest = server.rows(f"prices?market={WATCHED}&ordering=-timestamp&page_size=1")
        return newest[0]["ask"] if newest[0]["ask"] > calm * (1 + FACTOR) / 2 else None

    def event() -> Any:
        rows = server.rows(f"anomaly-events?market={WATCHED}&ordering=-id")
        return next((row for row in rows if shocked(row)), None)

    def shocked(row: dict[str, Any]) -> bool:
        return row["severity"] in ("high", "critical") and _seconds(row["end"]) >= began

    def page() -> Any:
        found = event()
        address = f"/anomalies/{found['id']}/" if found else ""
        return address if address and address in server.page("/anomalies/") else None

    def webhook(rule: str) -> Any:
        return next((got for got in told_of(rule) if got.at >= began), None)

    def told_of(rule: str) -> list[Got]:
        return [got for got in list(play.receiver.got) if _tells(got, rule, play.key)]

    def anomaly_told() -> Any:
        found = event()
        if found and _seconds(found["start"]) < began:  # it is told once
            return next(reversed(told_of("strange")), None)
        return webhook("strange")

    return {
        "quote stored": quote,
        "event in the API": event,
        "event on the page": page,
        "webhook of the anomaly": anomaly_told,
        "webhook of the move": lambda: webhook("moved"),
    }


def _tells(got: Got, rule: str, key: str) -> bool:
    """Whether it is about that rule, and signed by our key; a digest tells of several."""
    if not verified(key, got.headers, got.body):
        return False
    body = got.json
    told = body["alerts"] if body["type"] == "digest" else [body]
    return any(one["rule"]["name"] == rule for one in told)


_NOTICED = {
    "quote stored": lambda ask: f"ask {ask}",
    "event in the API": lambda row: f"{row['kind']}, {row['severity']}, by the {row['source']}",
    "event on the page": lambda address: f"the inbox leads to {address}",
    "webhook of the anomaly": lambda got: f"valid signature: {json.dumps(got.json['title'])}",
    "webhook of the move": lambda got: f"valid signature: {json.dumps(got.json['title'])}",
}


def _seconds(moment: str) -> float:
    return dt.datetime.fromisoformat(moment).timestamp()
