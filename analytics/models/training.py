"""Training runs, the versions they leave behind, and what was decided about those."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from analytics.models.choices import Source, Task
from analytics.models.market import Market
from analytics.models.run import Run
from analytics.retelling import retold


class TrainingRun(Run):
    """One request to train: a person's, or where `reason` says so the retraining policy's."""

    class Reason(models.TextChoices):
        DRIFT = "drift", _("the version drifted")
        EXPIRED = "expired", _("the version expired")
        AGE = "age", _("the version is old")
        NEW_QUOTES = "new_quotes", _("many new quotes")

    market = models.ForeignKey(
        Market, models.CASCADE, verbose_name=_("market"), related_name="training_runs"
    )
    task = models.CharField(_("task"), max_length=16, choices=Task)
    family = models.CharField(_("family"), max_length=40)
    config = models.JSONField(_("configuration"), default=dict)
    seed = models.PositiveBigIntegerField(_("seed"), default=0)
    reason = models.CharField(
        _("why it was trained anew"), max_length=16, choices=Reason, blank=True, default=""
    )
    reason_figures = models.JSONField(
        _("figures of that"), default=dict, blank=True, help_text=_("What the policy decided on.")
    )
    device_wish = models.CharField(_("device wished for"), max_length=40, blank=True)

    data_from = models.DateTimeField(_("data from"), null=True, blank=True)
    data_until = models.DateTimeField(_("data until"), help_text=_("Nothing later is looked at."))
    row_count = models.PositiveBigIntegerField(_("rows"), default=0)
    dataset_hash = models.CharField(_("dataset hash"), max_length=64, blank=True)
    audit = models.JSONField(
        _("data audit"), default=dict, blank=True, help_text=_("What the quotes were like.")
    )
    labels = models.PositiveIntegerField(
        _("labels"), default=0, help_text=_("Judged anomaly events that the training was told of.")
    )
    others = models.JSONField(
        _("other markets"),
        null=True,
        blank=True,
        help_text=_("Those that it learned from beside its own; empty where its family does not."),
    )
    versions = models.JSONField(_("library versions"), default=dict, blank=True)
    device = models.CharField(_("device"), max_length=80, blank=True)

    epoch = models.PositiveIntegerField(_("epoch"), default=0)
    epochs = models.PositiveIntegerField(_("epochs"), default=0)
    share = models.FloatField(
        _("share done"), default=0.0, help_text=_("Of the epochs of all its networks, 0 to 1.")
    )
    losses = models.JSONField(
        _("losses"),
        default=list,
        blank=True,
        help_text=_("[stage, training, validation, epoch]; every network counts its own."),
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = _("training run")
        verbose_name_plural = _("training runs")
        constraints = [
            models.UniqueConstraint(
                fields=["market", "task"],
                condition=Q(status__in=["queued", "running"]),
                name="run_no_open_twin",
            )
        ]
        indexes = [models.Index(fields=["status", "heartbeat_at"], name="run_by_heartbeat")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.get_task_display()} {self.get_status_display()}"

    @property
    def progress(self) -> float:
        """Share of the epochs of all its networks that are done, 0 to 1."""
        return 1.0 if self.status == self.Status.SUCCEEDED else min(self.share, 1.0)


class TrainedModel(models.Model):
    """A version: an immutable artifact folder and what was measured. A row never lacks its folder
    when it is inserted; what answers never changes, so nothing that is cached of it goes stale."""

    class Status(models.TextChoices):
        CANDIDATE = "candidate", _("candidate")
        ACTIVE = "active", _("active")
        RETIRED = "retired", _("retired")

    market = models.ForeignKey(
        Market, models.CASCADE, verbose_name=_("market"), related_name="trained_models"
    )
    run = models.OneToOneField(
        TrainingRun, models.PROTECT, verbose_name=_("training run"), related_name="model"
    )
    task = models.CharField(_("task"), max_length=16, choices=Task)
    family = models.CharField(_("family"), max_length=40)
    version = models.PositiveIntegerField(_("version"))
    status = models.CharField(_("status"), max_length=16, choices=Status, default=Status.CANDIDATE)
    artifact = models.CharField(_("artifact"), max_length=120, unique=True)
    checksum = models.CharField(_("checksum"), max_length=64)

    primary_metric = models.CharField(_("primary metric"), max_length=40)
    score = models.FloatField(_("score"))
    baseline = models.CharField(_("baseline"), max_length=60)
    baseline_score = models.FloatField(_("baseline score"))
    beats_baseline = models.BooleanField(_("beats its baseline"))
    metrics = models.JSONField(_("metrics"), default=dict)
    baseline_metrics = models.JSONField(_("baseline metrics"), default=dict)

    step_minutes = models.PositiveIntegerField(_("step (minutes)"))
    window = models.PositiveIntegerField(_("window (rows)"))
    input_columns = models.JSONField(_("input columns"), default=list)
    data_from = models.DateTimeField(_("data from"))
    data_until = models.DateTimeField(_("data until"))
    trained_until = models.DateTimeField(_("trained until"))
    test_from = models.DateTimeField(_("tested from"))
    device = models.CharField(_("device"), max_length=80)
    trained_at = models.DateTimeField(_("trained at"))

    # What became of it since: written by services.learning and services.registry.expiry.
    drift = models.JSONField(
        _("drift"),
        default=dict,
        blank=True,
        help_text=_("The last judgement: inputs and live forecasts against the training."),
    )
    drift_judged_at = models.DateTimeField(_("judged at"), null=True, blank=True)
    drifted_at = models.DateTimeField(_("drifted since"), null=True, blank=True)
    expired_at = models.DateTimeField(_("expired since"), null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("trained model")
        verbose_name_plural = _("trained models")
        constraints = [
            models.UniqueConstraint(
                fields=["market", "task", "version"], name="model_version_unique"
            ),
            models.UniqueConstraint(
                fields=["market", "task"],
                condition=Q(status="active"),
                name="model_one_active",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.family} v{self.version}"

    def metric_names(self) -> list[str]:
        """The metric that decides, then the others; horizons of one metric in their order."""

        def order(name: str) -> tuple[str, int]:
            stem, _h, steps = name.rpartition("_h")
            return (stem, int(steps)) if stem and steps.isdigit() else (name, 0)

        names = {*self.metrics, *self.baseline_metrics} - {self.primary_metric}
        return [self.primary_metric, *sorted(names, key=order)]


class ModelEvent(models.Model):
    """Audit trail: who decided what about a version, when, why, and on which figures."""

    class Action(models.TextChoices):
        PROMOTED = "promoted", _("promoted")
        KEPT_BACK = "kept_back", _("kept back")
        RETIRED = "retired", _("retired")
        ROLLED_BACK = "rolled_back", _("rolled back")
        BROKEN = "broken", _("found broken")
        DRIFTED = "drifted", _("drifted")
        EXPIRED = "expired", _("expired")
        PURGED = "purged", _("purged")

    #: What says of a version whether it is to answer; a candidate without any is undecided.
    DECISIONS = (Action.PROMOTED, Action.KEPT_BACK, Action.RETIRED, Action.ROLLED_BACK)

    model = models.ForeignKey(
        TrainedModel,
        models.SET_NULL,
        verbose_name=_("model"),
        null=True,
        blank=True,
        related_name="events",
    )
    label = models.CharField(_("model"), max_length=200)
    action = models.CharField(_("action"), max_length=16, choices=Action)
    automatic = models.BooleanField(_("automatic"), default=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("by"),
        null=True,
        blank=True,
        related_name="+",
    )
    reason = models.TextField(_("reason"), blank=True)
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = _("model event")
        verbose_name_plural = _("model events")

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.named}"

    @property
    def named(self) -> str:
        """The version in the reader's language; as it was noted where it is not kept any more."""
        model = self.model
        return f"{model.market} {model.get_task_display()} {model}" if model else self.label

    @property
    def why(self) -> str:
        """The reason: as a person typed it, or the product's own in the reader's language."""
        return retold(self.reason) if self.automatic else self.reason


__all__ = ["ModelEvent", "Source", "Task", "TrainedModel", "TrainingRun"]
