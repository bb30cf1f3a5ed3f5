"""A market and its quotes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import connection, models, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils.translation import gettext_lazy as _

import ml
from analytics.moments import moment
from analytics.words import WORDS

_CODE = RegexValidator(r"^[A-Za-z0-9_.\-]+$", _("Letters, digits, dot, dash and underscore only."))
_SYMBOL = re.compile(r"^([A-Za-z0-9_.\-]+)/([A-Za-z0-9_.\-]+)(?:@([A-Za-z0-9_.\-]+))?$")


class Counter(models.BigIntegerField):
    """A number that only the database moves: saving a row of before must not turn it back."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        return super().pre_save(model_instance, add) if add else F(self.attname)

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.BigIntegerField", args, kwargs


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
    #: Otherwise it follows the gaps between the market's recent quotes.
    cadence_chosen = models.BooleanField(_("cadence chosen by hand"), default=False)
    reading = models.JSONField(
        _("reading"),
        default=dict,
        blank=True,
        help_text=_("How its last file was read: decimal mark, order of dates, zone, columns."),
    )
    #: Moved by every write of the market's quotes. Who keeps something that was made of them asks
    #: for it *before* reading them, and knows by it whether they are still the same.
    revision = Counter(default=0, editable=False)
    #: Moved only where something at or before the newest quote was added, corrected or deleted:
    #: while it stands still, later quotes have been added and nothing else has changed.
    rewrites = Counter(default=0, editable=False)

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


def lock_markets(markets: Iterable[int]) -> None:
    """Hold these markets until the transaction ends: what is read then is true when written."""
    if connection.features.has_select_for_update:  # a transaction of SQLite holds everything
        held = Market.objects.select_for_update(no_key=True).filter(pk__in=markets).order_by("pk")
        list(held.values_list("pk"))


def count_added(first: Mapping[int, dt.datetime]) -> None:
    """Move the counters of markets that get quotes, the earliest of them at `first`. The caller
    writes them in the same transaction."""
    lock_markets(first)
    newest = PriceHistory.objects.filter(market=OuterRef("pk")).order_by("-timestamp")
    held = Market.objects.filter(pk__in=first).annotate(
        newest=Subquery(newest.values("timestamp")[:1])
    )
    ends = held.exclude(newest=None).values_list("pk", "newest")
    late = {pk for pk, end in ends if first[pk] <= end}
    _count(first.keys() - late, "revision")
    _count(late, "revision", "rewrites")


def count_rewritten(markets: Collection[int]) -> None:
    """Move the counters of markets whose stored quotes are changed or deleted. The caller does so
    in the same transaction."""
    lock_markets(markets)
    _count(markets, "revision", "rewrites")


def _count(markets: Collection[int], *counters: str) -> None:
    if markets:
        Market.objects.filter(pk__in=markets).update(**{name: F(name) + 1 for name in counters})


class QuoteSet(models.QuerySet["PriceHistory"]):
    """Quotes. Every write through it, as every `save` and `delete` of a quote, moves the counters
    of its markets in the same transaction. Only SQL by hand goes past them."""

    @transaction.atomic
    def bulk_create(
        self, objs: Iterable[PriceHistory], *args: Any, **kwargs: Any
    ) -> list[PriceHistory]:
        quotes = list(objs)
        first: dict[int, dt.datetime] = {}
        for quote in quotes:
            known = first.setdefault(quote.market_id, quote.timestamp)
            first[quote.market_id] = min(known, quote.timestamp)
        count_added(first)
        return super().bulk_create(quotes, *args, **kwargs)

    @transaction.atomic
    def update(self, **kwargs: Any) -> int:
        # Quotes that move to another market change both; which one may be an expression.
        moved = {"market", "market_id"} & kwargs.keys()
        count_rewritten(set(Market.objects.values_list("pk", flat=True)) if moved else self._ids())
        return super().update(**kwargs)

    @transaction.atomic
    def delete(self) -> tuple[int, dict[str, int]]:
        count_rewritten(self._ids())
        return super().delete()

    update.alters_data = bulk_create.alters_data = delete.alters_data = True
    delete.queryset_only = True

    def _ids(self) -> set[int]:
        return set(self.order_by().values_list("market_id", flat=True).distinct())


#: Said where the field is edited; what the others are, their names say.
_HELP = {"price": _("A price without a side: the close of a candle, a plain value.")}


def quote_field(column: ml.QuoteColumn) -> models.Field[Any, Any]:
    """The database's field for a column of a quote."""
    options: dict[str, Any] = {"null": True, "blank": True, "help_text": _HELP.get(column.name, "")}
    if column.whole:
        return models.PositiveIntegerField(WORDS[column.name], **options)
    # A double prints back every figure of up to 15 digits as it was quoted, from 1e-12 to 1e12;
    # who stores quotes refuses what it does not.
    least, most = column.range
    limits = [MinValueValidator(least), MaxValueValidator(most)]
    return models.FloatField(WORDS[column.name], validators=limits, **options)


class PriceHistory(models.Model):
    """What one reading of a market saw: a moment, and a field for every column of a quote that
    `ml.QUOTE_SCHEMA` declares. An unknown figure is NULL, never zero."""

    market = models.ForeignKey(
        Market, models.CASCADE, verbose_name=_("market"), related_name="prices", db_index=False
    )
    timestamp = models.DateTimeField(_("timestamp"))

    objects = QuoteSet.as_manager()

    #: What its figures are: for faces, which do not look into `ml`.
    SCHEMA = ml.QUOTE_SCHEMA

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
        return f"{self.market} {moment(self.timestamp)}"

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        stored = PriceHistory.objects.filter(pk=self.pk) if self.pk else PriceHistory.objects.none()
        before = set(stored.values_list("market_id", flat=True))
        if before:
            count_rewritten({*before, self.market_id})
        else:
            count_added({self.market_id: self.timestamp})
        super().save(*args, **kwargs)

    @transaction.atomic
    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        count_rewritten({self.market_id})
        return super().delete(*args, **kwargs)

    @property
    def avg_price(self) -> float | None:
        """Mid of both sides; the price without a side where there are none; else unknown."""
        return derive_price(self.bid, self.ask, self.price)[0]

    @property
    def spread_pct(self) -> float | None:
        """Ask less bid, in percent of mid; negative where the quote is crossed."""
        return derive_price(self.bid, self.ask, self.price)[1]


for _column in ml.QUOTE_SCHEMA:
    PriceHistory.add_to_class(_column.name, quote_field(_column))


def derive_price(
    bid: float | None, ask: float | None, price: float | None
) -> tuple[float | None, float | None]:
    """(average price, spread in percent) of a quote. The only place that says what they are."""
    if bid is None or ask is None:
        return price, None
    mid = (bid + ask) / 2
    return mid, (ask - bid) / mid * 100
