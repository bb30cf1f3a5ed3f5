"""Markets: found or made by their symbol, added by hand, and how they are seen."""

from __future__ import annotations

import pandas as pd
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

import ml
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import Market


def symbol_problem(symbol: str) -> str | None:
    """What is wrong with ASSET/FIAT@exchange, or None."""
    names = _names(symbol)
    if names is None:
        return _("not a market: write ASSET/FIAT@exchange")
    limits = {field.name: getattr(field, "max_length", None) for field in Market._meta.fields}
    if any(len(code) > (limits[name] or 0) for name, code in names.items()):
        return _("a code of the market is too long")
    return None


def _names(symbol: str) -> dict[str, str] | None:
    asset, fiat, exchange = Market.parse_symbol(symbol) or ("", "", None)
    return {"asset": asset, "fiat": fiat, "exchange": exchange} if exchange else None


def refuse_bad_symbol(symbol: str) -> None:
    """Raises InvalidInput (bad_market) unless it is ASSET/FIAT@exchange."""
    if why := symbol_problem(symbol):
        raise InvalidInput(_("%(m)s is no market.") % {"m": symbol}, "bad_market", {"market": why})


def market_get_or_create(symbol: str, *, seen: pd.Series | None = None) -> Market:
    """The market of ASSET/FIAT@exchange, whatever its case; raises InvalidInput (bad_market).

    `seen`: moments of its first quotes, from which a new market takes its cadence. Both are written
    at once, so that an import killed later on leaves no market with a wrong cadence.
    """
    refuse_bad_symbol(symbol)
    names = _names(symbol) or {}
    found = Market.objects.filter(**{f"{k}__iexact": v for k, v in names.items()}).first()
    if found is not None:
        return found
    defaults = {}
    if seen is not None:
        moments = pd.DatetimeIndex(seen.drop_duplicates().sort_values())
        defaults["cadence_minutes"] = ml.infer_step_minutes(moments)
    return Market.objects.get_or_create(**names, defaults=defaults)[0]


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
    Market.objects.filter(pk=market.pk).update(cadence_minutes=cadence_minutes)
    market.refresh_from_db()
    return market
