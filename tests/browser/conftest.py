"""The system's Chromium on a live server, signed in. What the machine lacks is a reason to skip,
but not for `make test-browser`, which sets PARALELO_TEST_BROWSER."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
#: The page itself and the boxes whose contents may be moved.
CUT = """() => [document.documentElement, ...document.querySelectorAll('.scroll, .results')]
    .filter((box) => box.scrollWidth > box.clientWidth && !box.closest('details:not([open])'))
    .map((box) => box === document.documentElement ? 'the page' : box.outerHTML.slice(0, 300))"""
#: Moments that are written in more than one line; a block of a phone has half of one.
BROKEN = """() => [...document.querySelectorAll('time')]
    .filter((at) => !at.closest('.as-blocks') && at.getClientRects().length > 1)
    .map((at) => at.parentElement.outerHTML.slice(0, 300))"""
NAMES = ("chromium", "chromium-browser", "google-chrome")


def missing() -> str:
    """Why no browser can be driven here; empty where one can."""
    if not any(map(shutil.which, NAMES)):
        return "there is no Chromium on this machine"
    if not AXE.exists():
        return "there are no node_modules: run `make node_modules/installed`"
    return ""


def program() -> str:
    """The path of the machine's Chromium."""
    return next(path for path in map(shutil.which, NAMES) if path)


@dataclass
class Visit:
    """A page and what went wrong on it."""

    page: Any
    base: str
    troubles: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.base + path)
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('[data-chart], #shown')]"
            ".every(c => c.dataset.drawn)"
        )

    def cut(self) -> list[str]:
        """What is wider than its room, so that it would have to be moved sideways, and moments in
        pieces."""
        return [*self.page.evaluate(CUT), *self.page.evaluate(BROKEN)]

    def serious(self, part: str = "html") -> list[str]:
        """What axe finds serious or critical."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("part => axe.run(part, {resultTypes: ['violations']})", part)
        return [
            f"{v['id']}: {v['nodes'][0]['html'][:200]}"
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")
        ]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """The browser, for as long as tests of this folder run: Playwright keeps an event loop running
    in this thread, where Django otherwise wants no queries."""
    reason = missing()
    if reason and os.environ.get("PARALELO_TEST_BROWSER"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as driver:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = driver.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(
    chromium: Any, transactional_db: None, live_server: Any, client: Any
) -> Iterator[Callable[..., Visit]]:
    """visit(width=, scheme=, ...) -> a page of a reader in La Paz who may look at everything; at
    the end nothing must have gone wrong on it."""
    client.force_login(get_user_model().objects.create_superuser("admin"))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    visits: list[Visit] = []

    def start(width: int = 1400, scheme: str = "light", **more: Any) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            timezone_id="America/La_Paz",
            **more,
        )
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}
        # As after the first page: static/analytics/reader-zone.js has told the zone.
        zone = {"name": "browser_zone", "value": "America/La_Paz", "url": live_server.url}
        context.add_cookies([cookie, zone])
        made = Visit(context.new_page(), live_server.url)
        visits.append(made)
        listen(made)
        return made

    yield start
    for made in visits:
        made.page.context.close()
    assert [trouble for made in visits for trouble in made.troubles] == []


def listen(made: Visit) -> None:
    """Errors of scripts, messages of the console, bad answers and requests to elsewhere."""
    page, note = made.page, made.troubles.append
    page.on("pageerror", lambda error: note(f"error: {error}"))
    page.on(
        "console", lambda m: note(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None
    )
    page.on("response", lambda r: note(f"{r.status} {r.url}") if r.status >= 400 else None)
    own = (made.base, "data:", "blob:")
    page.on("request", lambda r: note(f"elsewhere: {r.url}") if not r.url.startswith(own) else None)
