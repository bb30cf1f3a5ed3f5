"""Closed sets that several aggregates share."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Task(models.TextChoices):
    PRICE = "price", _("price")
    SPREAD = "spread", _("spread")
    ANOMALY = "anomaly", _("anomaly")
    PATTERN = "pattern", _("pattern")


class Source(models.TextChoices):
    NETWORK = "network", _("network")
    BASELINE = "baseline", _("baseline")
