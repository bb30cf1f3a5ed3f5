"""What the detector found: strange rows, the events they make up, and how far it has watched."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from analytics.models.choices import Source
from analytics.models.market import Market
from analytics.models.training import TrainedModel
from analytics.moments import moment
from analytics.words import word


class Severity(models.TextChoices):
    LOW = "low", _("low")
    MEDIUM = "medium", _("medium")
    HIGH = "high", _("high")
    CRITICAL = "critical", _("critical")


class _Strange(models.Model):
    """What is said of a strange row, and of an event by its strangest."""

    source = models.CharField(_("source"), max_length=16, choices=Source)
    score = models.FloatField(_("score"))
    threshold = models.FloatField(_("threshold"))
    severity = models.CharField(_("severity"), max_length=16, choices=Severity)
    kind = models.CharField(_("kind"), max_length=40)
    text = models.TextField(_("in words"), blank=True)
    phrases = models.JSONField(_("phrases"), default=list, blank=True)
    expected = models.JSONField(
        _("expected"), default=dict, help_text=_("Per feature: observed, value, lower, upper.")
    )
    contributions = models.JSONField(_("contributions"), default=dict)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        abstract = True


class AnomalyEvent(_Strange):
    """Strange rows close together, as one version saw them: one event. Score, kind, words and
    expected values are those of its strangest row, the severity is the worst of its rows. While
    it is open, the market has not yet been normal for long enough to say that it is over."""

    class Feedback(models.TextChoices):
        NONE = "", _("not judged")
        TRUE = "true", _("true alarm")
        FALSE = "false", _("false alarm")

    #: Score of the calibrated threshold, one false alarm a week. A scan may be asked for more; what
    #: lies below is kept and listed, but is no alarm.
    ALARM = 0.1

    market = models.ForeignKey(
        Market,
        models.CASCADE,
        verbose_name=_("market"),
        related_name="anomaly_events",
        db_index=False,
    )
    model = models.ForeignKey(
        TrainedModel, models.CASCADE, verbose_name=_("model"), related_name="anomaly_events"
    )
    start = models.DateTimeField(_("start"), help_text=_("Its first strange row."))
    peak = models.DateTimeField(_("peak"), help_text=_("Its strangest row."))
    end = models.DateTimeField(_("end"), help_text=_("Its last strange row so far."))
    is_open = models.BooleanField(_("open"), default=False)
    rows = models.PositiveIntegerField(_("rows"))
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)

    feedback = models.CharField(
        _("feedback"), max_length=8, choices=Feedback, default=Feedback.NONE, blank=True
    )
    note = models.TextField(_("note"), blank=True)
    feedback_at = models.DateTimeField(_("judged at"), null=True, blank=True)
    feedback_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("judged by"),
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta:
        ordering = ["-start", "-id"]
        verbose_name = _("anomaly event")
        verbose_name_plural = _("anomaly events")
        constraints = [
            models.UniqueConstraint(fields=["model", "source", "start"], name="event_once"),
            models.UniqueConstraint(
                fields=["market"], condition=Q(is_open=True), name="event_one_open"
            ),
            models.CheckConstraint(
                condition=Q(start__lte=F("peak")) & Q(peak__lte=F("end")), name="event_in_order"
            ),
            models.CheckConstraint(condition=Q(rows__gte=1), name="event_has_rows"),
            models.CheckConstraint(
                condition=Q(feedback="", feedback_at__isnull=True)
                | Q(feedback__in=["true", "false"], feedback_at__isnull=False),
                name="event_feedback_dated",
            ),
        ]
        indexes = [models.Index(fields=["market", "-start"], name="event_latest")]

    def __str__(self) -> str:
        return f"{word(self.kind)} {moment(self.start)}"


class AnomalyResult(_Strange):
    """One strange row of a market as one version saw it. 0.1 is the calibrated threshold."""

    market = models.ForeignKey(
        Market, models.CASCADE, verbose_name=_("market"), related_name="anomalies", db_index=False
    )
    model = models.ForeignKey(
        TrainedModel, models.CASCADE, verbose_name=_("model"), related_name="anomalies"
    )
    event = models.ForeignKey(
        AnomalyEvent, models.CASCADE, verbose_name=_("event"), related_name="results"
    )
    timestamp = models.DateTimeField(_("timestamp"))
    acknowledged_at = models.DateTimeField(_("acknowledged at"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("acknowledged by"),
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta:
        ordering = ["-timestamp", "-id"]
        verbose_name = _("anomaly")
        verbose_name_plural = _("anomalies")
        constraints = [
            models.UniqueConstraint(
                fields=["model", "source", "timestamp"], name="anomaly_once_per_moment"
            )
        ]
        indexes = [models.Index(fields=["market", "-timestamp"], name="anomaly_latest")]

    def __str__(self) -> str:
        return f"{word(self.kind)} {moment(self.timestamp)}"

    @property
    def label(self) -> str:
        """What was said of the event it belongs to."""
        return self.event.feedback


class AnomalyWatch(models.Model):
    """How far the newest quotes of a market have been looked at, by whom, and what was seen. What
    the clock alone changes (quotes that stop coming) is added by selectors.watches."""

    class State(models.TextChoices):
        """What the last look came to; `analytics.words` has the words."""

        WATCHING = "watching"
        BASELINE = "baseline"  # no version beat its baseline, which looks
        FALLBACK = "fallback"  # the active version cannot be used, another one looks
        COLUMNS = "columns_missing"
        OTHER_CADENCE = "other_cadence"
        UNSCORED = "unscored"
        WARMING_UP = "warming_up"
        NO_MODEL = "no_model"
        BROKEN = "broken"
        FAILED = "failed"

    market = models.OneToOneField(
        Market,
        models.CASCADE,
        verbose_name=_("market"),
        related_name="anomaly_watch",
        primary_key=True,
    )
    model = models.ForeignKey(
        TrainedModel, models.SET_NULL, verbose_name=_("model"), null=True, related_name="+"
    )
    source = models.CharField(_("source"), max_length=16, choices=Source, blank=True)
    scored_until = models.DateTimeField(_("scored until"), null=True)
    last_score = models.FloatField(_("last score"), null=True)
    warming_up = models.BooleanField(_("warming up"), default=True)
    state = models.CharField(_("state"), max_length=20, default=State.WARMING_UP)
    since = models.DateTimeField(_("since"), null=True)
    detail = models.CharField(_("detail"), max_length=300, blank=True)
    needed = models.PositiveIntegerField(
        _("readings needed"), null=True, help_text=_("Only while there are too few to score.")
    )
    present = models.PositiveIntegerField(_("readings present"), null=True)
    checked_at = models.DateTimeField(_("checked at"), auto_now=True)

    class Meta:
        verbose_name = _("anomaly watch")
        verbose_name_plural = _("anomaly watches")

    def __str__(self) -> str:
        return str(self.market)


class AnomalyStream(models.Model):
    """Where the scores of a market's newest quotes stand: from this and the next quote alone a
    version's network says how strange that quote is. Data of no lasting worth: where it is missing
    or does not fit, it is made anew from the history."""

    market = models.OneToOneField(
        Market,
        models.CASCADE,
        verbose_name=_("market"),
        related_name="anomaly_stream",
        primary_key=True,
    )
    model = models.ForeignKey(
        TrainedModel, models.CASCADE, verbose_name=_("model"), related_name="+"
    )
    # The quotes that were looked at, a digest of their figures, and the state that they left.
    since = models.DateTimeField()
    until = models.DateTimeField()
    digest = models.CharField(max_length=64)
    body = models.BinaryField()

    class Meta:
        verbose_name = _("anomaly stream")
        verbose_name_plural = _("anomaly streams")

    def __str__(self) -> str:
        return f"{self.market_id} {self.until}"
