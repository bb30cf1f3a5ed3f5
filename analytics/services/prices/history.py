"""The stored quotes a prediction looks back on."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics.conf import conf
from analytics.exceptions import InvalidInput
from analytics.lazily import pd
from analytics.models import Market, PriceHistory
from analytics.selectors.frames import price_frame
from analytics.selectors.prices import moment_before, newest_moment, staleness
from analytics.selectors.recent import recent_quotes

#: Steps of the grid before a row that its anomaly score depends on, and some more (the detector
#: cuts to what it needs: its CONTEXT in ml.anomaly.measure).
TAIL_STEPS = 2000


def last_moment(market: Market, at: dt.datetime | None = None) -> dt.datetime:
    """Time of the last quote (at or before `at`); raises InvalidInput (no_history)."""
    last = newest_moment(market)
    if last is not None and at is not None and at < last:
        last = moment_before(market, at)
    if last is None:
        raise InvalidInput(
            _("%(market)s has no quotes%(when)s. Import some: manage.py import_prices FILE")
            % {"market": market.symbol, "when": f" ≤ {at:%Y-%m-%d %H:%M}" if at else ""},
            "no_history",
            {"market": _("has no quotes")},
        )
    return last


def history_span(step_minutes: int) -> dt.timedelta:
    """How far a prediction on a grid of that step looks back: HISTORY_DAYS, and on a grid coarser
    than half an hour as many rows as those days have of half-hours (a year of daily rates is looked
    at whole)."""
    return dt.timedelta(days=conf().HISTORY_DAYS) * max(1.0, step_minutes / 30)


def history_frame(
    market: Market, *, until: dt.datetime, step_minutes: int, since: dt.datetime | None = None
) -> pd.DataFrame:
    """The quotes up to `until`, from `history_span` before `since` (or before `until`)."""
    first = (since or until) - history_span(step_minutes)
    if since is not None:  # a scan of any span, not asked again
        return price_frame(market, since=first, until=until)
    return recent_quotes(market, since=first, until=until)


def tail_start(since: dt.datetime, step_minutes: int) -> dt.datetime:
    """Where the history begins that scoring the rows after `since` needs: TAIL_STEPS before it, or
    `history_span` where that is shorter."""
    return since - min(history_span(step_minutes), dt.timedelta(minutes=TAIL_STEPS * step_minutes))


def tail_frame(
    market: Market, *, until: dt.datetime, since: dt.datetime, step_minutes: int
) -> pd.DataFrame:
    """The quotes that scoring the rows after `since` needs. On a market quoted every minute that is
    a hundredth of its history."""
    return recent_quotes(market, since=tail_start(since, step_minutes), until=until, part=True)


def history_rows(market: Market, *, most: int) -> int:
    """Rows of the market's grid that its quotes can fill, counted up to `most`: what a first
    training is measured by, without counting a million quotes."""
    quotes = PriceHistory.objects.filter(market=market).order_by()
    rows = quotes[:most].count()
    if not rows:
        return 0
    first = quotes.order_by("timestamp").values_list("timestamp", flat=True)[0]
    filled = ml.fillable_rows(
        first, last_moment(market), quotes=rows, step_minutes=market.cadence_minutes
    )
    return min(filled, most)


def recent_frame(market: Market, *, until: dt.datetime, step_minutes: int) -> pd.DataFrame:
    """The prices up to `until`, from `history_span` before its midnight. It starts there because
    what forecasts remember of a day belongs to the very quotes before it."""
    midnight = until.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - history_span(step_minutes)
    return recent_quotes(market, since=since, until=until, columns=ml.PRICE_COLUMNS)


def origin_of(last: dt.datetime, step_minutes: int, at: dt.datetime | None) -> dt.datetime:
    """The moment to speak about: `at` (now by default), or the last quote where that is too old to
    stand for it."""
    moment = at or timezone.now()
    return last if is_stale(last, step_minutes, moment) else max(moment, last)


def is_stale(last: dt.datetime, step_minutes: int, at: dt.datetime | None) -> bool:
    """Whether the last quote is too old to speak for `at` (now by default)."""
    return (at or timezone.now()) - last > staleness(step_minutes)
