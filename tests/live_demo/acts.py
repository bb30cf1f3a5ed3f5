"""The acts of the demo, in order: a past, a detector, rules, collecting, a shock, a retraining."""

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

#: Venue -> the market that is read there. The first one is watched, and shocked.
MARKETS = {"okx_p2p": "USDT/VES", "binance_agent": "USDT/BOB", "criptoya": "USDT/ARS"}
WATCHED = next(iter(MARKETS))
#: Seconds between two readings of a source, the least there is.
INTERVAL = 5
#: The shock: prices times so much.
FACTOR = 1.12
#: Seconds that each wait may take at most.
PATIENCE = 60.0
#: Days by which the demo dates the version back, so that the policy finds it too old.
AGED = 15


def symbol(venue: str) -> str:
    return f"{MARKETS[venue]}@{venue}"


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

    def wait(self, check: Any, seconds: float = PATIENCE) -> Any:
        return wait_for(self.scene, check, seconds=self.clock.left(seconds))


def past_and_detector(play: Play, *, rows: int, minutes: int) -> None:
    """A history of the watched market, and a small detector that learned from it."""
    from analytics.venues.book import Pair
    from tests.live_demo.past import past_quotes

    pair = Pair(*MARKETS[WATCHED].split("/"))
    now = dt.datetime.now(dt.UTC)
    quotes = list(past_quotes(WATCHED, pair, rows=rows, minutes=minutes, until=now))
    body = {"market": symbol(WATCHED), "create_market": True, "rows": quotes}
    play.server.api("POST", "prices", body)
    play.market = play.server.rows("markets")[0]["id"]
    # Quotes come at another pace in a moment: the detector keeps to that of its history.
    play.server.api("PATCH", f"markets/{play.market}", {"cadence_minutes": minutes})
    days = rows * minutes / 1440
    play.report.note("history", True, f"{rows} quotes of {symbol(WATCHED)}, {days:.0f} days")
    words = ["anomaly", "--market", symbol(WATCHED), "--epochs", "2", "--param", "members=1"]
    trained = subprocess.run(
        [sys.executable, "manage.py", "train_model", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=play.clock.left(120),
        check=False,
    )
    said = (trained.stdout + trained.stderr).strip().splitlines()
    last = next((line for line in said if line.startswith("Run ")), said[-1] if said else "")
    if not play.report.note("detector", trained.returncode == 0, last):
        raise Broken("without a detector nothing is watched")


def rules(play: Play) -> None:
    """A webhook channel to our receiver, and two rules that tell it."""
    channel = {"name": "receiver", "kind": "webhook", "options": {"url": play.receiver.url}}
    made = play.server.api("POST", "alert-channels", channel)
    play.key = made["made_key"]
    common = {"market": symbol(WATCHED), "channels": [made["id"]]}
    strange = {"name": "strange", "kind": "anomaly", "params": {"severity": "medium"}}
    moved = {"name": "moved", "kind": "move", "params": {"percent": 5, "hours": 0.05}}
    for rule in (strange, moved):
        play.server.api("POST", "alert-rules", {**common, **rule})
    play.report.note(
        "rules", True, "an anomaly of medium severity or worse; a move of 5 % in 3 min"
    )


def collecting(play: Play, *, readings: int) -> None:
    """Three sources, read as fast as a source may be, until each has given some quotes."""
    for venue in MARKETS:
        body = {"venue": venue, "options": {"base_url": play.venues}, "enabled": True}
        body |= {"market": symbol(venue), "interval_seconds": INTERVAL}
        if venue != WATCHED:
            asset, fiat = MARKETS[venue].split("/")
            named = {"asset": asset, "fiat": fiat, "exchange": venue}
            play.server.api("POST", "markets", named)
        play.server.api("POST", "sources", body)
    play.scene.start("collector", "manage.py", "collect_prices")

    def enough() -> list[dict[str, Any]] | None:
        rows = play.server.rows("sources")
        return rows if min(row["readings"] - row["failures"] for row in rows) >= readings else None

    found = play.wait(enough)
    rows = found or play.server.rows("sources")
    told = ", ".join(f"{row['market']} {row['readings']}" for row in rows)
    errors = {code: n for row in rows for code, n in row["errors"].items()}
    text = f"readings: {told}; errors: {errors or 'none'}"
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
    calm = play.server.rows(f"prices?market={symbol(WATCHED)}&ordering=-timestamp")[0]["ask"]
    before = {row["id"] for row in play.server.rows("anomaly-events")}
    play.report.say(f"{symbol(WATCHED)} stands at {calm}: now it jumps by {FACTOR - 1:.0%}")
    asset, fiat = MARKETS[WATCHED].split("/")
    body = {"asset": asset, "fiat": fiat, "factor": FACTOR, "seconds": 600}
    began = time.time()
    httpx.post(f"{play.venues}/_play", json=body, trust_env=False).raise_for_status()
    looks = _looks(play, calm=float(calm), before=before)
    found = race(play.scene, looks, seconds=play.clock.left(PATIENCE))
    for item, words in _NOTICED.items():
        if item in found:
            what, at = found[item]
            at = what.at if isinstance(what, Got) else at
            play.report.note(item, True, f"{words(what)}, {at - began:.1f} s after the shock")
        else:
            play.report.note(item, False, f"not seen within {PATIENCE:.0f} s")


def _looks(play: Play, *, calm: float, before: set[int]) -> dict[str, Any]:
    """Item -> the look that finds it."""
    server = play.server

    def quote() -> Any:
        newest = server.rows(f"prices?market={symbol(WATCHED)}&ordering=-timestamp&page_size=1")
        return newest[0]["ask"] if newest[0]["ask"] > calm * (1 + FACTOR) / 2 else None

    def event() -> Any:
        rows = server.rows(f"anomaly-events?market={symbol(WATCHED)}&ordering=-id")
        return next((row for row in rows if row["id"] not in before), None)

    def page() -> Any:
        found = event()
        address = f"/anomalies/{found['id']}/" if found else ""
        return address if address and address in server.page("/anomalies/") else None

    def webhook(rule: str) -> Any:
        return next((got for got in list(play.receiver.got) if _tells(got, rule, play.key)), None)

    return {
        "quote stored": quote,
        "event in the API": event,
        "event on the page": page,
        "webhook of the anomaly": lambda: webhook("strange"),
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


def retraining(play: Play) -> None:
    """The version is dated back, so that the policy finds it too old; the schedule does the
    rest."""
    from django.utils import timezone
    from django_q.models import Schedule

    from analytics.models import TrainedModel, TrainingRun
    from analytics.pages.learning import why

    back = dt.timedelta(days=AGED)
    for model in TrainedModel.objects.select_related("run"):
        TrainedModel.objects.filter(pk=model.pk).update(trained_at=model.trained_at - back)
        runs = TrainingRun.objects.filter(pk=model.run_id)
        runs.update(created_at=model.run.created_at - back)
    known = {row["id"] for row in play.server.rows("training-runs")}
    Schedule.objects.filter(name="retrain models").update(next_run=timezone.now())
    began = time.time()
    play.report.say(f"the version is dated {AGED} days back, and the schedule 'retrain models' due")

    def asked() -> Any:
        rows = play.server.rows("training-runs?ordering=-id")
        return next((row for row in rows if row["id"] not in known and row["reason"]), None)

    run = play.wait(asked)
    if run is None:
        play.report.note("retraining asked for", False, f"no run within {PATIENCE:.0f} s")
        return
    detail = play.server.api("GET", f"training-runs/{run['id']}")
    because = why(detail["reason"], detail["reason_figures"])
    took = time.time() - began
    text = f"run {run['id']} after {took:.1f} s, because {because} ({detail['reason']})"
    play.report.note("retraining asked for", True, text)

    def ended() -> Any:
        row = play.server.api("GET", f"training-runs/{run['id']}")
        return row if row["finished_at"] else None

    row = play.wait(ended) or {"status": "it has not ended", "error_message": ""}
    took = time.time() - began
    text = f"{row['status']} {row['error_message']}".strip() + f", {took:.1f} s after it was due"
    play.report.note("retraining ended", row["status"] == "succeeded", text)


def _seconds(moment: str) -> float:
    return dt.datetime.fromisoformat(moment).timestamp()
