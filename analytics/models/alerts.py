"""Alerts: rules, where they stand, the channels, and the outbox. No secret stands here in plain."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.models.market import Market


class AlertChannel(models.Model):
    """Where messages go, in which language, and when they are held back."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    kind = models.CharField(_("kind"), max_length=20)
    options = models.JSONField(_("options"), default=dict, blank=True)
    #: Secret options, sealed together (analytics.sealing).
    secret = models.TextField(_("secret"), blank=True, default="", editable=False)
    enabled = models.BooleanField(_("switched on"), default=True)
    language = models.CharField(
        _("language"), max_length=8, choices=settings.LANGUAGES, default="en"
    )
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC")
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    digest_minutes = models.PositiveIntegerField(
        _("digest every (minutes)"),
        default=0,
        validators=[MaxValueValidator(10_080)],
        help_text=_("0: each message at once."),
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    last_success_at = models.DateTimeField(_("last delivery"), null=True, editable=False)
    last_error_at = models.DateTimeField(_("last error at"), null=True, editable=False)
    last_error = models.TextField(_("last error"), blank=True, default="", editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)

    #: The signing key, where one was just made: shown once, and nowhere stored in plain.
    made_key: str | None = None

    class Meta:
        ordering = ["name"]
        verbose_name = _("alert channel")
        verbose_name_plural = _("alert channels")

    def __str__(self) -> str:
        return self.name


class AlertRule(models.Model):
    """What is worth a message: a kind with its parameters, for one market or for all."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    kind = models.CharField(_("kind"), max_length=40)
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    market = models.ForeignKey(
        Market,
        models.CASCADE,
        verbose_name=_("market"),
        null=True,
        blank=True,
        related_name="alert_rules",
        help_text=_("Empty: all markets."),
    )
    enabled = models.BooleanField(_("switched on"), default=True)
    cooldown_minutes = models.PositiveIntegerField(
        _("cooldown (minutes)"),
        default=60,
        validators=[MaxValueValidator(43_200)],
        help_text=_("At least so long between two alerts of one market."),
    )
    channels = models.ManyToManyField(
        AlertChannel, verbose_name=_("channels"), blank=True, related_name="rules"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    #: Why it could not be judged at the last look; empty where it could.
    problem = models.TextField(_("problem"), blank=True, default="", editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = _("alert rule")
        verbose_name_plural = _("alert rules")
        indexes = [models.Index(fields=["enabled", "kind"], name="rule_by_kind")]

    def __str__(self) -> str:
        return self.name


class AlertState(models.Model):
    """Where a rule stands with one subject of one market (see alerts.machine.Standing): up to
    which moment it has looked, whether it is raised, what it has told. `key` is rule, market and
    subject in one text, because no database holds NULLs apart in a constraint."""

    rule = models.ForeignKey(AlertRule, models.CASCADE, related_name="states")
    market = models.ForeignKey(
        Market, models.CASCADE, null=True, related_name="+", verbose_name=_("market")
    )
    subject = models.CharField(max_length=80, blank=True, default="")
    key = models.CharField(max_length=120, unique=True)
    raised = models.BooleanField(_("raised"), default=False)
    seen_at = models.DateTimeField(_("looked until"), null=True)
    fired_at = models.DateTimeField(_("last fired"), null=True)
    told = models.JSONField(default=list)

    class Meta:
        verbose_name = _("state of an alert rule")
        verbose_name_plural = _("states of alert rules")
        indexes = [models.Index(fields=["market", "rule"], name="state_of_market")]

    def __str__(self) -> str:
        return self.key


class AlertDelivery(models.Model):
    """The outbox: one alert for one channel, written in the transaction of what caused it. `key`
    names rule, market, event and channel, so that an event is told once."""

    class Status(models.TextChoices):
        PENDING = "pending", _("waiting")
        SENT = "sent", _("sent")
        DEAD = "dead", _("given up")

    key = models.CharField(_("key"), max_length=64, unique=True)
    channel = models.ForeignKey(
        AlertChannel, models.CASCADE, verbose_name=_("channel"), related_name="deliveries"
    )
    rule = models.ForeignKey(
        AlertRule, models.SET_NULL, verbose_name=_("rule"), null=True, related_name="deliveries"
    )
    market = models.ForeignKey(
        Market, models.CASCADE, verbose_name=_("market"), null=True, related_name="+"
    )
    rule_name = models.CharField(_("rule"), max_length=80, blank=True)
    kind = models.CharField(_("kind"), max_length=40)
    values = models.JSONField(_("values"), default=dict)
    happened_at = models.DateTimeField(_("happened at"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.PENDING)
    due_at = models.DateTimeField(_("due at"))
    #: Held back to go out with others in one message.
    digest = models.BooleanField(_("in a digest"), default=False)
    #: The message it was claimed for: a digest that is sent again has the same rows and key.
    batch = models.CharField(max_length=64, blank=True, default="")
    held_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    error_code = models.CharField(_("error code"), max_length=40, blank=True, default="")
    error = models.TextField(_("error"), blank=True, default="")

    class Meta:
        ordering = ["-id"]
        verbose_name = _("alert delivery")
        verbose_name_plural = _("alert deliveries")
        indexes = [
            models.Index(fields=["status", "due_at"], name="delivery_by_due"),
            models.Index(fields=["channel", "-id"], name="delivery_of_channel"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.rule_name} → {self.channel}"


class QuoteFlow(models.Model):
    """Up to which quote of a market forecasts and patterns have been made and rules been judged:
    the durable mark of what is yet to be done when a process dies."""

    market = models.OneToOneField(
        Market, models.CASCADE, primary_key=True, related_name="flow", verbose_name=_("market")
    )
    until = models.DateTimeField(_("done until"))

    class Meta:
        verbose_name = _("flow of quotes")
        verbose_name_plural = _("flows of quotes")

    def __str__(self) -> str:
        return f"{self.market_id} {self.until:%Y-%m-%d %H:%M}"
