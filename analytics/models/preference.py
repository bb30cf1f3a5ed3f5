"""How a person wants the pages, and the markets that they look at first."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.models.market import Market


class Theme(models.TextChoices):
    SYSTEM = "", _("as the system has it")
    LIGHT = "light", _("light")
    DARK = "dark", _("dark")


class Preferences(models.Model):
    """What an account chose. What is empty follows the browser."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="preferences",
        primary_key=True,
    )
    zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    theme = models.CharField(
        _("theme"), max_length=8, choices=Theme, blank=True, default=Theme.SYSTEM
    )
    favourites = models.ManyToManyField(
        Market, verbose_name=_("favourites"), blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("preferences")
        verbose_name_plural = _("preferences")

    def __str__(self) -> str:
        return str(self.user_id)
