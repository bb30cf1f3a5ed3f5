"""Collecting: where a market's quotes come from, what is remembered of venues, kept books, and
what went wrong. No person is named here: books hold keyed hashes, errors no text of an answer."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.models.market import Market


class MarketSource(models.Model):
    """Where a market's quotes are collected from. A market has one: quotes of two venues in one
    series would be two prices that take turns."""

    market = models.OneToOneField(
        Market, models.CASCADE, verbose_name=_("market"), related_name="source"
    )
    venue = models.CharField(_("venue"), max_length=40)
    options = models.JSONField(
        _("options"), default=dict, blank=True, help_text=_("Options of the venue, by name.")
    )
    method = models.CharField(
        _("method"),
        max_length=40,
        blank=True,
        help_text=_("How ads become a price; empty: the most frequent among the best."),
    )
    enabled = models.BooleanField(_("switched on"), default=False)
    interval_seconds = models.PositiveIntegerField(
        _("seconds between readings"),
        default=300,
        validators=[MinValueValidator(5), MaxValueValidator(86_400)],
    )
    keep_book_days = models.PositiveIntegerField(
        _("days that books are kept"),
        default=14,
        validators=[MaxValueValidator(3650)],
        help_text=_("0 keeps the latest only."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    next_due_at = models.DateTimeField(_("next reading"), null=True, blank=True, editable=False)
    last_attempt_at = models.DateTimeField(_("last tried"), null=True, blank=True, editable=False)
    last_success_at = models.DateTimeField(_("last quote"), null=True, blank=True, editable=False)
    last_error_at = models.DateTimeField(_("last error at"), null=True, blank=True, editable=False)
    last_error_code = models.CharField(
        _("last error"), max_length=40, blank=True, default="", editable=False
    )
    last_error = models.TextField(_("its reason"), blank=True, default="", editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    readings = models.PositiveBigIntegerField(_("readings"), default=0, editable=False)

    class Meta:
        ordering = ["market"]
        verbose_name = _("source of quotes")
        verbose_name_plural = _("sources of quotes")
        indexes = [models.Index(fields=["enabled", "next_due_at"], name="source_by_due")]

    def __str__(self) -> str:
        return f"{self.market} ← {self.venue}"


class CollectionFailure(models.Model):
    """How often a source failed for one reason, and when and how it did so last."""

    source = models.ForeignKey(
        MarketSource, models.CASCADE, verbose_name=_("source of quotes"), related_name="reasons"
    )
    code = models.CharField(_("code"), max_length=40)
    count = models.PositiveBigIntegerField(_("count"), default=0)
    first_at = models.DateTimeField(_("first"))
    last_at = models.DateTimeField(_("last"))
    message = models.TextField(_("reason"), blank=True)
    fields = models.JSONField(_("fields"), default=dict, blank=True)

    class Meta:
        ordering = ["-last_at"]
        verbose_name = _("collection error")
        verbose_name_plural = _("collection errors")
        constraints = [
            models.UniqueConstraint(fields=["source", "code"], name="failure_once_per_code")
        ]

    def __str__(self) -> str:
        return f"{self.source}: {self.code} × {self.count}"


class VenueStatus(models.Model):
    """What is remembered of a venue between two readings: its circuit breaker and its pace, and
    which process reads it now (`held_by` until `held_until`): one at a time."""

    venue = models.CharField(_("venue"), max_length=40, unique=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    openings = models.PositiveIntegerField(_("pauses in a row"), default=0)
    open_until = models.DateTimeField(_("left alone until"), null=True, blank=True)
    next_at = models.DateTimeField(_("next request not before"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=40, blank=True, default="")
    last_success = models.DateTimeField(_("last success"), null=True, blank=True)
    held_by = models.CharField(_("read by"), max_length=120, blank=True, default="")
    held_until = models.DateTimeField(_("held until"), null=True, blank=True)

    class Meta:
        ordering = ["venue"]
        verbose_name = _("venue")
        verbose_name_plural = _("venues")

    def __str__(self) -> str:
        return self.venue


class StoredBook(models.Model):
    """A market's order book at one moment, some 50 bytes an ad (`venues.depth` packs it)."""

    market = models.ForeignKey(
        Market, models.CASCADE, verbose_name=_("market"), related_name="books", db_index=False
    )
    taken_at = models.DateTimeField(_("taken at"))
    data = models.BinaryField(_("data"))

    class Meta:
        ordering = ["-taken_at"]
        verbose_name = _("order book")
        verbose_name_plural = _("order books")
        constraints = [
            models.UniqueConstraint(fields=["market", "taken_at"], name="book_once_per_moment")
        ]

    def __str__(self) -> str:
        return f"{self.market_id} {self.taken_at:%Y-%m-%d %H:%M}"
