"""The playing marketplaces as a program, and what the tests of venues start them with.

`python -m tests.venue_server --port 8899 --speed 60 [--ads FILE]` plays until interrupted; POST to
/_play breaks venues and shocks markets (tests/playing/server.py says how).
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from tests.playing.faces import FACES
from tests.playing.faults import FAULTS
from tests.playing.market import PlayedMarket, read_recording
from tests.playing.server import PlayingServer


def markets(speed: float = 1.0) -> list[PlayedMarket]:
    """Five markets of different levels; the pairs of the recorded series among them."""
    levels = {
        ("USDT", "BOB"): 12.5, ("USDT", "VES"): 420.0, ("USDT", "ARS"): 1480.0,
        ("USDT", "USD"): 1.01, ("BTC", "VES"): 41_000_000.0,
    }  # fmt: skip
    return [
        PlayedMarket(asset, fiat, level, speed=speed) for (asset, fiat), level in levels.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8899)
    parser.add_argument("--speed", type=float, default=1.0, help="How much faster markets move.")
    parser.add_argument("--ads", type=Path, help="Recorded ads (ads_*.csv.gz), played as USDT/USD.")
    given = parser.parse_args()
    played = markets(given.speed)
    if given.ads:
        played = [m for m in played if (m.asset, m.fiat) != ("USDT", "USD")]
        recorded = read_recording(given.ads)
        played.append(PlayedMarket("USDT", "USD", 1.0, speed=given.speed, recorded=recorded))
    server = PlayingServer(played, port=given.port)
    pairs = ", ".join(f"{m.asset}/{m.fiat}" for m in played)
    sys.stdout.write(
        f"Playing {pairs} at {server.url}\n"
        f"venues: {', '.join(FACES)}\nfaults: {', '.join(FAULTS)}\n"
    )
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        server.serve()


if __name__ == "__main__":
    main()
