"""Markets: found or made by their symbol, added by hand, and how they are seen."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

import ml
from analytics import events
from analytics.exceptions import Conflict, InvalidInput, NotFound
from analytics.lazily import np, pd
from analytics.models import Market, PriceHistory
from analytics.services.prices.reading.quotes import symbol_problem

#: Moments that tell how often a market is quoted.
_NEWEST = 2000


def _names(symbol: str) -> dict[str, str]:
    asset, fiat, exchange = Market.parse_symbol(symbol.strip()) or ("", "", "")
    return {"asset": asset, "fiat": fiat, "exchange": exchange or ""}


def refuse_bad_symbol(symbol: str) -> None:
    """Raises InvalidInput (bad_market) unless it is ASSET/FIAT@exchange."""
    if why := symbol_problem(symbol):
        raise InvalidInput(_("%(m)s is no market.") % {"m": symbol}, "bad_market", {"market": why})


def market_find(symbol: str) -> Market | None:
    """The market of ASSET/FIAT@exchange, whatever its case; raises InvalidInput (bad_market)."""
    refuse_bad_symbol(symbol)
    return Market.objects.filter(**{f"{k}__iexact": v for k, v in _names(symbol).items()}).first()


def market_get_or_create(symbol: str, *, seen: pd.Series | None = None) -> Market:
    """The same, made where there is none.

    `seen`: moments of its first quotes, from which a new market takes its cadence. Both are written
    at once, so that an import killed later on leaves no market with a wrong cadence.
    """
    found = market_find(symbol)
    if found is not None:
        return found
    defaults = {}
    if seen is not None:
        defaults["cadence_minutes"] = cadence_of(seen)
    return Market.objects.get_or_create(**_names(symbol), defaults=defaults)[0]


def cadence_of(seen: pd.Series) -> int:
    """What a new market's cadence is, by the moments of its first quotes."""
    index = pd.DatetimeIndex(seen)
    if not (np.diff(index.asi8) > 0).all():
        moments = np.unique(index.asi8).view(f"datetime64[{index.unit}]")
        index = pd.DatetimeIndex(moments).tz_localize("UTC")
    return ml.infer_step_minutes(index)


def markets_make(cadences: Mapping[str, int]) -> dict[str, Market]:
    """New markets of these symbols and cadences in two queries, however many; one that somebody
    else has made meanwhile is that one."""
    if not cadences:
        return {}
    # Two spellings of one market are one, as `market_find` has it.
    spelled: dict[str, str] = {}
    for symbol in cadences:
        spelled.setdefault(symbol.strip().lower(), symbol)
    names = {key: _names(symbol) for key, symbol in spelled.items()}
    Market.objects.bulk_create(
        [Market(**names[k], cadence_minutes=cadences[s]) for k, s in spelled.items()],
        ignore_conflicts=True,
    )
    chosen = {f"{k}__in": {one[k] for one in names.values()} for k in ("asset", "fiat", "exchange")}
    known = {market.symbol.lower(): market for market in Market.objects.filter(**chosen)}
    return {symbol: known[symbol.strip().lower()] for symbol in cadences}


def similar_markets(symbols: Iterable[str]) -> dict[str, str]:
    """For each symbol a question that names the known markets that look alike; "" without any."""
    known = {market.symbol.lower(): market.symbol for market in Market.objects.all()[:5000]}
    found = {}
    for symbol in symbols:
        near = [known[n] for n in difflib.get_close_matches(symbol.lower(), known, n=3)]
        names = {"names": ", ".join(near)}
        found[symbol] = _("did you mean %(names)s?") % names if near else ""
    return found


def unknown_markets(symbols: Iterable[str]) -> NotFound:
    """The refusal of markets that nobody asked to create, with those that look alike."""
    fields = {symbol: like or _("not known") for symbol, like in similar_markets(symbols).items()}
    names = ", ".join(fields)
    return NotFound(
        _("There is no market %(ref)s. Name one that is known, or say create_market.")
        % {"ref": names},
        "unknown_market",
        fields,
    )


def market_create(
    *, asset: str, fiat: str, exchange: str, cadence_minutes: int | None = None
) -> Market:
    """A new market; Conflict (market_exists) if it is there. A market is found whatever the case
    of its name, so two may not differ by that alone."""
    same = {"asset__iexact": asset, "fiat__iexact": fiat, "exchange__iexact": exchange}
    cadence = {} if cadence_minutes is None else {"cadence_minutes": cadence_minutes}
    try:
        with transaction.atomic():
            if not Market.objects.filter(**same).exists():
                return Market.objects.create(asset=asset, fiat=fiat, exchange=exchange, **cadence)
    except IntegrityError:
        pass  # somebody else was quicker: the same answer as if it had been there before
    raise Conflict(_("This market is already there."), "market_exists")


def market_change(*, market: Market, cadence_minutes: int) -> Market:
    """Change the grid's step for new models; trained versions keep their own. Raises InvalidInput
    (bad_cadence)."""
    if not 1 <= cadence_minutes <= 1440:
        raise InvalidInput(
            _("The cadence must be between a minute and a day."),
            "bad_cadence",
            {"cadence_minutes": _("must be between 1 and 1440")},
        )
    Market.objects.filter(pk=market.pk).update(cadence_minutes=cadence_minutes, cadence_chosen=True)
    market.refresh_from_db()
    return market


@events.subscribe(events.QuotesStored)
def cadence_follow(stored: events.QuotesStored) -> None:
    """The cadence of markets that got quotes is that of their recent gaps, unless somebody chose
    it. A version keeps the one that it was trained with."""
    for market in Market.objects.filter(pk__in=stored.market_ids, cadence_chosen=False):
        cadence = _cadence_of(market)
        if cadence is not None and cadence != market.cadence_minutes:
            Market.objects.filter(pk=market.pk, cadence_chosen=False).update(
                cadence_minutes=cadence
            )


def _cadence_of(market: Market) -> int | None:
    """By its newest moments and the length of its history."""
    moments = PriceHistory.objects.filter(market=market).order_by("-timestamp")
    newest = list(moments.values_list("timestamp", flat=True)[:_NEWEST])
    first = moments.order_by("timestamp").values_list("timestamp", flat=True).first()
    if len(newest) < 3 or first is None:
        return None
    span = (newest[0] - first).total_seconds() / 60
    return ml.infer_step_minutes(pd.DatetimeIndex(newest[::-1]), span_minutes=span)
