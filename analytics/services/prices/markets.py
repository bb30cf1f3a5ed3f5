"""Adding a market and changing how it is seen."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from analytics.exceptions import Conflict, InvalidInput
from analytics.models import Market


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
    """Change the grid's step for new models; trained versions keep their own."""
    if not 1 <= cadence_minutes <= 1440:
        raise InvalidInput(
            _("The cadence must be between a minute and a day."),
            "bad_cadence",
            {"cadence_minutes": _("must be between 1 and 1440")},
        )
    Market.objects.filter(pk=market.pk).update(cadence_minutes=cadence_minutes)
    market.refresh_from_db()
    return market
