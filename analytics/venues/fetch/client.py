"""Asking a venue politely: paced with jitter, retried with back-off, every answer judged.

Retries are tenacity's (stamina stands on it, but takes no sleep of ours, and clock and sleep must
be injectable): exponential waits with full jitter, or what Retry-After says, bounded.
"""

from __future__ import annotations

import datetime as dt
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any

from analytics.lazily import tenacity
from analytics.venues.errors import (
    Blocked,
    Captcha,
    ClockJump,
    CollectionError,
    RateLimited,
    Redirected,
    Refused,
    ServerTrouble,
    StaleAnswer,
    TimedOut,
)
from analytics.venues.fetch.guard import HttpRules, Resolver, resolve
from analytics.venues.fetch.http import Answer, HttpSession
from analytics.venues.fetch.state import VenueState
from analytics.venues.reading import parse_json
from analytics.venues.texts import Text as _

#: Longest wait between two tries; a venue that asks for more is left to the circuit breaker.
LONGEST_WAIT = 30.0
#: Longest time spent on one reading of one market.
LONGEST_READING = 240.0
#: A cached answer older than this is no reading of now.
OLDEST_CACHE = 300
_CHALLENGE = re.compile(
    rb"captcha|cf-chl|just a moment|are you (a )?human|challenge-platform", re.I
)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The world a reading happens in; tests and accelerated time put their own in."""

    rules: HttpRules = HttpRules()
    clock: Callable[[], dt.datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    resolver: Resolver = resolve
    rng: random.Random = field(default_factory=random.Random)
    attempts: int = 3


#: The real world.
REAL = Setting()


@dataclass(frozen=True, slots=True)
class Reply:
    """The JSON of an answer (numbers as Decimal), the server's time and ours."""

    data: Any = field(repr=False)
    server_time: dt.datetime | None
    taken_at: dt.datetime


class VenueClient:
    """One reading's way to one venue. `state` is what goes back to whoever stores it."""

    def __init__(
        self,
        session: HttpSession,
        setting: Setting,
        state: VenueState,
        *,
        interval: float,
        max_skew: int,
    ) -> None:
        self.state = state
        self.requests = 0
        self._session = session
        self._setting = setting
        self._interval = interval
        self._max_skew = max_skew
        self._deadline = setting.monotonic() + LONGEST_READING

    def get(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        return self._ask("GET", url, params=params, headers=headers)

    def post(self, url: str, json: Any, headers: Mapping[str, str] | None = None) -> Reply:
        return self._ask("POST", url, json=json, headers=headers)

    def _ask(self, method: str, url: str, **rest: Any) -> Reply:
        """Raises a child of CollectionError once the tries are used up or make no sense."""
        retrying = tenacity.Retrying(
            sleep=self._setting.sleep,
            stop=tenacity.stop_after_attempt(self._setting.attempts),
            wait=self._wait,
            retry=tenacity.retry_if_exception(_worth_another_try),
            reraise=True,
        )
        return retrying(self._once, method, url, rest)

    def _once(self, method: str, url: str, rest: Mapping[str, Any]) -> Reply:
        self._keep_pace()
        if self._setting.monotonic() > self._deadline:
            raise TimedOut(
                _("The reading took longer than %(seconds)s s.", seconds=f"{LONGEST_READING:.0f}")
            )
        self.requests += 1
        answer = self._session.send(method, url, **rest)
        now = self._setting.clock()
        judge(answer, now)
        return Reply(parse_json(answer.body), self._server_time(answer, now), now)

    def _keep_pace(self) -> None:
        """At most one request per interval and venue, up to half an interval later by chance."""
        now = self._setting.clock()
        if self.state.next_at is not None and self.state.next_at > now:
            # However far the clock was set back, one wait is never longer than this.
            wait = min((self.state.next_at - now).total_seconds(), LONGEST_WAIT)
            self._setting.sleep(wait)
            now += dt.timedelta(seconds=wait)
        spread = self._interval * (1 + self._setting.rng.random() / 2)
        self.state = replace(self.state, next_at=now + dt.timedelta(seconds=spread))

    def _wait(self, tried: tenacity.RetryCallState) -> float:
        error = tried.outcome.exception() if tried.outcome else None
        asked = error.retry_after if isinstance(error, CollectionError) else None
        backed_off = min(LONGEST_WAIT, 2.0 ** (tried.attempt_number - 1))
        jittered = backed_off * (0.5 + self._setting.rng.random() / 2)
        return max(jittered, asked or 0.0)

    def _server_time(self, answer: Answer, now: dt.datetime) -> dt.datetime | None:
        """The Date of the answer, checked against our clock. Raises ClockJump, StaleAnswer."""
        sent = http_date(answer.headers.get("date", ""))
        age = answer.headers.get("age", "0").strip()
        seconds = int(age) if age.isascii() and age.isdigit() and len(age) < 10 else 0
        if seconds > OLDEST_CACHE:
            raise StaleAnswer(_("The answer lay %(seconds)s s in a cache.", seconds=seconds))
        if sent is not None:
            check_skew(sent + dt.timedelta(seconds=seconds), now, self._max_skew)
        return sent


def check_skew(theirs: dt.datetime, ours: dt.datetime, allowed: int) -> None:
    """Raises ClockJump where the clocks differ by more than `allowed` seconds."""
    apart = (theirs - ours).total_seconds()
    if abs(apart) > allowed:
        by = f"{abs(apart):.0f}"
        ahead = _("The venue's clock is %(by)s s ahead of ours: one of the two is wrong.", by=by)
        behind = _("The venue's clock is %(by)s s behind ours: one of the two is wrong.", by=by)
        raise ClockJump(ahead if apart > 0 else behind, skew=round(apart))


def judge(answer: Answer, now: dt.datetime) -> None:
    """Raises what any status but a plain 200 means; a challenge page is one at any status."""
    if _is_challenge(answer):
        raise Captcha(_("The venue wants to see a person (captcha) instead of answering."))
    status = answer.status
    if status == 200:
        return
    wait = retry_after(answer.headers.get("retry-after", ""), now)
    if status == 429:
        said = _("The venue answered with status %(status)s: asked too often.", status=status)
        raise RateLimited(said, retry_after=wait, status=status)
    if status in (401, 403, 418, 451):
        said = _(
            "The venue answered with status %(status)s: it does not serve this address now.",
            status=status,
        )
        raise Blocked(said, retry_after=wait, status=status)
    if status >= 500:
        said = _("The venue answered with status %(status)s: it has trouble itself.", status=status)
        raise ServerTrouble(said, retry_after=wait, status=status)
    if 300 <= status < 400:
        said = _("The venue answered with status %(status)s instead of data.", status=status)
        raise Redirected(said, status=status)
    said = _(
        "The venue answered with status %(status)s: it does not take this request.", status=status
    )
    raise Refused(said, status=status)


def _is_challenge(answer: Answer) -> bool:
    if "cf-mitigated" in answer.headers or "x-amzn-waf-action" in answer.headers:
        return True
    html = b"<" in answer.body[:200].lstrip()[:1]
    return html and _CHALLENGE.search(answer.body[:100_000]) is not None


def http_date(text: str) -> dt.datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)


def retry_after(text: str, now: dt.datetime) -> float | None:
    """Seconds of a Retry-After header (a number or a date); None where it says nothing."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    until = http_date(text)
    return max(0.0, (until - now).total_seconds()) if until else None


def _worth_another_try(error: BaseException) -> bool:
    if not isinstance(error, CollectionError) or not error.passing:
        return False
    return (error.retry_after or 0.0) <= LONGEST_WAIT
