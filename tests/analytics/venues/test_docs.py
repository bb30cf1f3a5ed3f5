"""What is registered is documented, and the playing server runs as the document says."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from analytics.exceptions import AnalyticsError
from analytics.venues import errors
from analytics.venues.quoting import cleaning
from analytics.venues.quoting.methods import METHODS
from analytics.venues.registry import list_venues

ROOT = Path(__file__).resolve().parents[3]
MANUAL = (ROOT / "docs/venues.md").read_text()


@pytest.mark.parametrize("spec", list_venues(), ids=lambda spec: spec.name)
def test_every_venue_has_its_row(spec):
    row = next(line for line in MANUAL.splitlines() if line.startswith(f"| `{spec.name}` |"))
    for offer in spec.offers:
        assert offer.value in row
    assert row.rstrip("| ").endswith(f"{spec.interval:.1f}")


def test_every_method_is_documented_and_measured():
    for name in METHODS:
        assert MANUAL.count(f"| `{name}` | yes |") == 2


def test_every_error_has_its_row():
    codes = {
        kind.code
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, AnalyticsError) and kind.__module__ == errors.__name__
    }
    assert len(codes) > 20
    assert not [code for code in codes if f"`{code}`" not in MANUAL]


def test_every_reason_is_documented():
    reasons = re.findall(r"^(\w+) {2,}\S", cleaning.__doc__, re.MULTILINE)
    assert len(reasons) == 10
    assert not [reason for reason in reasons if f"`{reason}`" not in MANUAL]


def test_the_playing_server_runs_as_a_program():
    program = [sys.executable, "-m", "tests.venue_server", "--port", "0", "--speed", "60"]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        try:
            url = running.stdout.readline().split()[-1]

            def play(**values):
                body = json.dumps(values).encode()
                with urllib.request.urlopen(f"{url}/_play", body) as answer:
                    return json.load(answer)

            calm = play()["markets"]["USDT/VES"]
            shocked = play(asset="USDT", fiat="VES", factor=2, seconds=600)["markets"]["USDT/VES"]
            assert 1.6 < shocked / calm < 2.4
            assert play(venue="yadio", fault="html")["faults"] == {"yadio": "html"}
            with urllib.request.urlopen(f"{url}/exrates/USD") as answer:
                assert answer.read().startswith(b"<!DOCTYPE")
            assert play(venue="yadio", heal=True)["faults"] == {}
        finally:
            running.terminate()
