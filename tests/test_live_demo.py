"""The live demo: its parts, that it ends what it started, and all of it once."""

from __future__ import annotations

import datetime as dt
import inspect
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from analytics.alerts.signing import headers, new_key
from analytics.venues.book import Pair
from analytics.venues.collect import collect, make_order
from tests.analytics.venues.conftest import NOW, clock, identities, playing, setting  # noqa: F401
from tests.live_demo import __main__ as demo
from tests.live_demo import acts
from tests.live_demo.asking import Clock, race
from tests.live_demo.past import past_quotes
from tests.live_demo.report import Report
from tests.live_demo.scene import ROOT, Broken, Scene
from tests.receiver import verified

PROGRAM = [sys.executable, "-m", "tests.live_demo"]


# ------------------------------------------------------------------------------------------- parts
def test_the_past_is_what_a_reading_of_that_moment_stores(playing, setting, clock, identities):  # noqa: F811
    pair, step = Pair("USDT", "VES"), dt.timedelta(minutes=15)
    quotes = list(past_quotes("okx_p2p", pair, rows=3, minutes=15, until=NOW + 3 * step))
    order = make_order("okx_p2p", pair, {"base_url": playing.url})
    hurried = replace(setting, sleep=lambda _seconds: None)
    for number, quote in enumerate(quotes):
        clock.now = NOW + number * step
        reading = collect(order, identities, setting=hurried).quote.figures()
        assert quote.pop("timestamp") == clock.now.isoformat()
        del reading["timestamp"]
        assert quote == {name: float(v) for name, v in reading.items() if v is not None}


def test_the_receiver_checks_signatures_as_the_document_says():
    manual = (ROOT / "docs/alerts.md").read_text()
    assert inspect.getsource(verified).strip() in manual


def test_only_what_the_key_signed_just_now_is_believed():
    key, now, body = new_key(), int(time.time()), b'{"type": "alert"}'
    signed = headers(key, "one", now, body)
    assert verified(key, signed, body)
    assert not verified(key, signed, body + b" ")
    assert not verified(new_key(), signed, body)
    assert not verified(key, {**signed, "webhook-id": "two"}, body)
    assert not verified(key, headers(key, "one", now - 301, body), body)


def test_what_did_not_happen_is_told_and_makes_it_fail(capsys):
    report = Report()
    report.expect("quote", "webhook")
    report.note("quote", True, "ask 12")
    assert not report.ok
    report.summary()
    assert "FAILED webhook: it never came to that" in capsys.readouterr().out
    report.note("webhook", True, "signed")
    assert report.ok


def test_a_demo_that_breaks_off_is_no_success(monkeypatch, capsys):
    def broken(_asked, report):
        report.note("history", True, "1 quote")
        raise httpx.ConnectError("nobody listens")

    monkeypatch.setattr(demo, "_play", broken)
    monkeypatch.setattr(demo.signal, "signal", lambda *_: None)
    assert demo.main([]) == 1
    said = capsys.readouterr().out
    assert "nobody listens" in said
    assert said.count("FAILED") == len(demo.ITEMS) - 1


def test_a_wait_ends_with_what_it_waits_for_or_with_its_time():
    with Scene() as scene:
        looked = iter([None, None, "there"])
        checks = {"late": lambda: next(looked), "never": lambda: None, "now": lambda: 1}
        found = [(name, seen) for name, seen, _at in race(scene, checks, seconds=0.5)]
    assert found == [("now", 1), ("late", "there")]
    assert Clock(30).patience() == 15
    assert Clock(0).patience() == 0


def test_a_wait_ends_where_a_process_does():
    with Scene() as scene:
        scene.start("short", "-c", "import sys; sys.exit('no more')")
        with pytest.raises(Broken, match="no more"):
            list(race(scene, {"it": lambda: None}, seconds=30))
        with pytest.raises(Broken, match="did not start"):
            scene.start("silent", "-c", "pass", ready="here")


class Rows:
    """Stands in for the server: answers with these rows, whatever list is asked for."""

    def __init__(self, *rows: dict) -> None:
        self._rows = rows

    def rows(self, _path: str) -> list[dict]:
        return list(self._rows)


@pytest.mark.parametrize(
    ("severity", "end", "seen"), [("critical", 3, True), ("medium", 3, False), ("high", -1, False)]
)
def test_a_lesser_event_or_one_that_was_over_proves_no_shock(severity, end, seen):
    began = 1_800_000_000.0
    moments = {"start": -9, "end": end}
    times = {
        k: dt.datetime.fromtimestamp(began + v, dt.UTC).isoformat() for k, v in moments.items()
    }
    play = SimpleNamespace(server=Rows({"severity": severity, **times}))
    looks = acts.looks_of(play, calm=1.0, began=began)
    assert bool(looks["event in the API"]()) is seen


def test_what_was_there_before_the_shock_is_said():
    began = 1_800_000_000.0
    early = dt.datetime.fromtimestamp(began - 9, dt.UTC).isoformat()
    late = dt.datetime.fromtimestamp(began + 1, dt.UTC).isoformat()
    assert acts.when_said("text", began - 2, began).startswith(
        "2.0 s before the shock, of the event"
    )
    assert acts.when_said({"start": early}, began + 4, began).endswith("open since 9 s before it")
    assert acts.when_said({"start": late}, began + 4, began) == "4.0 s after the shock"


# --------------------------------------------------------------------------------------- all of it
def left_behind(home: str) -> list[str]:
    """Processes of that home, whoever started them."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"PARALELO_HOME={home}\0".encode() in environment.read_bytes() + b"\0":
                found.append(environment.parent.name)
        except OSError:  # ended meanwhile, or somebody else's
            continue
    return found


def home_in(said: str) -> str:
    return re.search(r"home (\S+):", said)[1]


def test_interrupted_it_ends_all_that_it_started():
    with subprocess.Popen(
        PROGRAM,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        # Who starts the tests in a shell's background has them ignore Ctrl-C, and their children.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as running:
        said = ""
        for line in running.stdout:
            said += line
            if "worker started" in line:
                assert len(left_behind(home_in(said))) >= 3
                running.send_signal(signal.SIGINT)
        # CPython ends by the signal what handled a Ctrl-C that fell into an `exec` of a string, as
        # dataclasses do while they are made.
        assert running.wait() in (1, -signal.SIGINT), said
    assert "interrupted" in said
    assert "FAILED webhook of the anomaly" in said
    assert left_behind(home_in(said)) == []
    assert not Path(home_in(said)).exists()


def test_all_of_it_happens():
    """Some 45 s of processor time: the longest of our tests, and the only one with every process
    of the product in it."""
    few = ["--rows", "1100", "--readings", "1", "--limit", "480"]
    ran = subprocess.run(
        [*PROGRAM, *few], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "All of it happened." in ran.stdout
    assert "because it was trained 15" in ran.stdout
    assert left_behind(home_in(ran.stdout)) == []
