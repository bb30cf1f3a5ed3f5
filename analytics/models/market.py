"""A market and its quotes."""

from __future__ import annotations

import re
from decimal import Decimal

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

_CODE = RegexValidator(r"^[A-Za-z0-9_.\-]+$", _("Letters, digits, dot, dash and underscore only."))
_SYMBOL = re.compile(r"^([A-Za-z0-9_.\-]+)/([A-Za-z0-9_.\-]+)(?:@([A-Za-z0-9_.\-]+))?$")


class Market(models.Model):
    """One asset against one fiat at one exchange; written USDT/BOB@binance_p2p."""

    asset = models.CharField(_("asset"), max_length=20, validators=[_CODE])
    fiat = models.CharField(_("fiat"), max_length=20, validators=[_CODE])
    exchange = models.CharField(_("exchange"), max_length=40, validators=[_CODE])
    cadence_minutes = models.PositiveIntegerField(
        _("cadence (minutes)"),
        default=30,
        validators=[MinValueValidator(1)],
        help_text=_("Step of the regular grid on which new models see this market."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    stale_since = models.DateTimeField(
        _("stale since"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("When its last quote was found to be too old; empty while it is fresh."),
    )

    class Meta:
        ordering = ["asset", "fiat", "exchange"]
        verbose_name = _("market")
        verbose_name_plural = _("markets")
        constraints = [
            models.UniqueConstraint(fields=["asset", "fiat", "exchange"], name="market_unique"),
            models.CheckConstraint(condition=Q(cadence_minutes__gte=1), name="market_cadence"),
        ]

    def __str__(self) -> str:
        return self.symbol

    @property
    def symbol(self) -> str:
        return f"{self.asset}/{self.fiat}@{self.exchange}"

    @staticmethod
    def parse_symbol(text: str) -> tuple[str, str, str | None] | None:
        """(asset, fiat, exchange or None) of ASSET/FIAT[@exchange]; None if it is not a symbol."""
        match = _SYMBOL.match(text.strip())
        return match.groups() if match else None  # type: ignore[return-value]


def _price(label: str) -> models.DecimalField:
    return models.DecimalField(label, max_digits=24, decimal_places=10, null=True, blank=True)


def _volume(label: str) -> models.DecimalField:
    return models.DecimalField(label, max_digits=28, decimal_places=8, null=True, blank=True)


class PriceHistory(models.Model):
    """What one reading of a market saw. Bid: what advertisers pay; ask: what they want. Prices in
    fiat per asset, volumes in asset, offers are counts. An unknown figure is NULL, never zero."""

    market = models.ForeignKey(
        Market, models.CASCADE, verbose_name=_("market"), related_name="prices", db_index=False
    )
    timestamp = models.DateTimeField(_("timestamp"))
    bid = _price(_("bid"))
    ask = _price(_("ask"))
    price = models.DecimalField(
        _("price"),
        max_digits=24,
        decimal_places=10,
        null=True,
        blank=True,
        help_text=_("A price without a side: the close of a candle, a plain value."),
    )
    bid_vwap = _price(_("bid VWAP"))
    ask_vwap = _price(_("ask VWAP"))
    bid_volume = _volume(_("bid volume"))
    ask_volume = _volume(_("ask volume"))
    volume = _volume(_("volume"))
    bid_offers = models.PositiveIntegerField(_("bid offers"), null=True, blank=True)
    ask_offers = models.PositiveIntegerField(_("ask offers"), null=True, blank=True)

    #: The figures of a quote, in the order in which every face shows them.
    FIGURES = (
        "bid",
        "ask",
        "bid_vwap",
        "ask_vwap",
        "bid_volume",
        "ask_volume",
        "bid_offers",
        "ask_offers",
        "price",
        "volume",
    )

    class Meta:
        ordering = ["-timestamp"]
        get_latest_by = "timestamp"
        verbose_name = _("quote")
        verbose_name_plural = _("quotes")
        constraints = [
            # Its index also reads "the last N of a market" backwards, in constant time.
            models.UniqueConstraint(fields=["market", "timestamp"], name="price_once_per_moment"),
            models.CheckConstraint(
                condition=Q(bid__isnull=False) | Q(ask__isnull=False) | Q(price__isnull=False),
                name="price_at_least_one",
            ),
            models.CheckConstraint(
                condition=(Q(bid__isnull=True) | Q(bid__gt=0))
                & (Q(ask__isnull=True) | Q(ask__gt=0))
                & (Q(price__isnull=True) | Q(price__gt=0)),
                name="price_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.market_id} {self.timestamp:%Y-%m-%d %H:%M}"

    @property
    def avg_price(self) -> Decimal | None:
        """Mid of both sides; the price without a side where there are none; else unknown."""
        return derive_price(self.bid, self.ask, self.price)[0]

    @property
    def spread_pct(self) -> Decimal | None:
        """Ask less bid, in percent of mid; negative where the quote is crossed."""
        return derive_price(self.bid, self.ask, self.price)[1]


def derive_price(
    bid: Decimal | None, ask: Decimal | None, price: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """(average price, spread in percent) of a quote. The only place that says what they are."""
    if bid is None or ask is None:
        return price, None
    mid = (bid + ask) / 2
    return mid, (ask - bid) / mid * 100
