"""Simulated markets: into the database, or into a file as a collector would have written it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

import ml
from analytics.exceptions import Conflict, InvalidInput
from analytics.lazily import pd
from analytics.models import Market, PriceHistory
from analytics.services.prices.markets import market_get_or_create, refuse_bad_symbol
from analytics.services.prices.posting import quotes_store
from analytics.services.prices.reading.quotes import EARLIEST
from analytics.services.prices.rows import QUOTE_HEADER, ProgressCallback

DEFAULT_MARKET = "USDT/SIM@simulated"
MAX_DAYS = 3650


def price_simulate(
    *,
    market: str = DEFAULT_MARKET,
    days: int = 180,
    seed: int = 0,
    start: dt.datetime | None = None,
    anomalies: bool = False,
    on_progress: ProgressCallback | None = None,
) -> Market:
    """Simulate `days` of quotes from `start` (so that they end now, by default) into a market.

    They replace what was simulated there before, in one transaction: two worlds in one series
    would be none. So a market that holds quotes is only touched if its exchange's code says that
    it is simulated; else Conflict (market_has_quotes). Raises InvalidInput for bad arguments.
    """
    quotes, _labels = _simulated(market, days=days, seed=seed, start=start, anomalies=anomalies)
    with transaction.atomic():
        target = market_get_or_create(market)
        stored = PriceHistory.objects.filter(market=target)
        if "sim" not in target.exchange.lower() and stored.exists():
            raise Conflict(
                _("%(m)s holds quotes that were not simulated; name another market.")
                % {"m": target.symbol},
                "market_has_quotes",
                {"market": _("has quotes")},
            )
        stored.delete()
        quotes_store(target.symbol, quotes, on_progress)
        target.cadence_minutes = ml.infer_step_minutes(quotes.index)
        target.save(update_fields=["cadence_minutes"])
    return target


def simulation_write(
    *,
    out: Path,
    labels: Path | None = None,
    market: str = DEFAULT_MARKET,
    days: int = 180,
    seed: int = 0,
    start: dt.datetime | None = None,
    anomalies: bool = False,
) -> int:
    """Write the same quotes as csv (csv.gz by its name) with the quote header, and the planted
    anomalies (kind, start, end) to `labels`; answers the number of rows. Touches no database."""
    quotes, planted = _simulated(market, days=days, seed=seed, start=start, anomalies=anomalies)
    columns = [column for column in ml.QUOTE_SCHEMA if column.side]
    whole = {column.name: "Int64" for column in columns if column.whole}
    table = quotes.astype(whole).rename(columns={c.name: c.file_name for c in columns})
    table["timestamp"] = quotes.index.strftime("%Y-%m-%dT%H:%M:%SZ")
    asset, fiat, exchange = Market.parse_symbol(market) or ("", "", "")
    table = table.assign(asset=asset, fiat=fiat, exchange=exchange)[QUOTE_HEADER.split(",")]
    _write_csv(table, out)
    if labels is not None:
        for name in ("start", "end"):
            moments = pd.to_datetime(planted[name], utc=True)
            planted[name] = moments.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        _write_csv(planted, labels)
    return len(table)


def _simulated(
    market: str, *, days: int, seed: int, start: dt.datetime | None, anomalies: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    refuse_bad_symbol(market)
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInput(
            _("The days must be between 1 and %(most)s.") % {"most": MAX_DAYS},
            "bad_days",
            {"days": _("out of range")},
        )
    if seed < 0:
        raise InvalidInput(_("The seed must not be negative."), "bad_seed", {"seed": _("negative")})
    latest = timezone.now() - dt.timedelta(days=days)
    if start is not None and not EARLIEST <= start <= latest:
        raise InvalidInput(
            _("The quotes must lie between 2009 and now."),
            "bad_start",
            {"start": _("out of range")},
        )
    begin = start or _half_hour(timezone.now()) - dt.timedelta(days=days)
    return ml.simulate_quotes(
        ml.SimulatedMarket(), start=begin, days=days, seed=seed, anomalies=anomalies
    )


def _half_hour(now: dt.datetime) -> dt.datetime:
    return now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False, lineterminator="\n")
    except OSError as error:
        raise InvalidInput(
            _("%(file)s cannot be written: %(why)s.") % {"file": path, "why": error.strerror},
            "cannot_write",
            {"path": _("cannot be written")},
        ) from error
