"""`python -m bench.paint URL [--times 5]`: when a visitor's Chromium first paints the main pages.

The server runs already (`make run`). Milliseconds from the start of the navigation, as the browser
itself measures them (first-contentful-paint); each visit is made by a browser that has seen nothing
before. One visit of each page that is not counted goes before: a page is kept open all day.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any

from tests.browser.conftest import missing, program

PAGES = {
    "overview": "/",
    "market": "/markets/{market}/",
    "anomalies": "/anomalies/",
    "models": "/models/",
}
#: What is to be kept, in milliseconds.
TARGET = 500.0
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_ANSWER = "performance.getEntriesByType('navigation')[0].responseEnd"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="of the server, such as http://127.0.0.1:8000")
    parser.add_argument("--market", type=int, default=1, help="id of the market that is shown")
    parser.add_argument("--times", type=int, default=5, help="visits of each page")
    parser.add_argument("--width", type=int, default=1400)
    asked = parser.parse_args()
    if reason := missing():
        sys.exit(f"No figures: {reason}")
    found = measure(asked.url.rstrip("/"), asked.market, asked.times, asked.width)
    lines = ["| page | median | slowest | answered (median) |", "|---|---|---|---|"]
    slow = []
    for name, visits in found.items():
        painted, answered = zip(*visits, strict=True)
        middle = statistics.median(painted)
        slow += [name] if middle >= TARGET else []
        figures = (middle, max(painted), statistics.median(answered))
        lines.append(f"| {name} | " + " | ".join(f"{one:.0f}" for one in figures) + " |")
    lines.append(f"target {TARGET:.0f} ms: {'missed by ' + ', '.join(slow) if slow else 'kept'}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if slow else 0


def measure(base: str, market: int, times: int, width: int) -> dict[str, list[tuple[float, float]]]:
    """Page -> for each visit (first paint, end of the server's answer), in milliseconds. One visit
    before them warms the server and is not counted."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        found = {
            name: [
                _visit(browser, base + path.format(market=market), width) for _ in range(times + 1)
            ]
            for name, path in PAGES.items()
        }
        browser.close()
    return {name: visits[1:] for name, visits in found.items()}


def _visit(browser: Any, address: str, width: int) -> tuple[float, float]:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    answer = page.goto(address)
    if answer is None or not answer.ok:
        raise SystemExit(f"{address} answered {answer and answer.status}")
    page.wait_for_function(f"() => {_PAINT} !== undefined")
    times = page.evaluate(f"[{_PAINT}, {_ANSWER}]")
    context.close()
    return times[0], times[1]


if __name__ == "__main__":
    sys.exit(main())
