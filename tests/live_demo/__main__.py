"""`python -m tests.live_demo [--rows 1200] [--minutes 15] [--readings 3] [--limit 160]`: live
markets from end to end in a temporary home, on marketplaces that play. Exits with 0 where all of
it happened, with 1 where an item did not. Every process is gone afterwards, also after Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import closing

import httpx

from tests.live_demo.asking import Clock, Server
from tests.live_demo.report import Report
from tests.live_demo.scene import Broken, Scene
from tests.receiver import Receiver

ITEMS = (
    *("history", "detector", "rules", "collecting", "worker", "watch", "quote stored"),
    *("event in the API", "event on the page", "webhook of the anomaly", "webhook of the move"),
    *("retraining asked for", "retraining ended", "logs"),
)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Live markets from end to end.")
    parser.add_argument("--rows", type=int, default=1200, help="quotes of history")
    parser.add_argument("--minutes", type=int, default=15, help="minutes between those")
    parser.add_argument("--readings", type=int, default=3, help="of each source before the shock")
    parser.add_argument("--limit", type=float, default=160, help="seconds until it gives up")
    asked = parser.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report = Report()
    report.expect(*ITEMS)
    try:
        _play(asked, report)
    except (Broken, httpx.HTTPError) as problem:
        report.say(f"It cannot go on: {type(problem).__name__}: {problem}")
    except KeyboardInterrupt:
        report.say("interrupted")
    report.summary()
    return 0 if report.ok else 1


def _play(asked: argparse.Namespace, report: Report) -> None:
    with Scene() as scene, Receiver() as receiver, closing(Server(scene.url)) as server:
        import django
        from django.core.management import call_command

        from tests.live_demo import acts, learning

        django.setup()
        clock = Clock(asked.limit)
        call_command("migrate", verbosity=0)
        report.say(f"home {scene.home}: the database is there")
        words = ("-m", "tests.venue_server", "--port", "0")
        venues = scene.start("venues", *words, ready="Playing").split()[-1]
        scene.start("web", "-m", "p2p.server", ready="Paralelo is at")
        scene.start("worker", "manage.py", "run_worker")
        report.say(f"marketplaces play at {venues}, the server is at {scene.url}, worker started")
        play = acts.Play(scene, server, receiver, report, clock, venues)
        acts.past(play, rows=asked.rows, minutes=asked.minutes)
        acts.sources(play)
        acts.detector(play)
        acts.rules(play)
        acts.collecting(play, readings=asked.readings)
        acts.shock(play)
        learning.retraining(play)
        errors = scene.errors()
        report.note("logs", not errors, f"{len(errors)} errors in them" if errors else "no error")
        if not report.ok:
            report.say("\n".join([scene.tails(), *errors]))
    report.say("all processes have ended")


if __name__ == "__main__":
    sys.exit(main())
