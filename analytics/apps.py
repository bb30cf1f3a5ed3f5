"""Registers the checks and the subscribers of events; runs no query and loads no torch."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

#: Modules that subscribe to analytics.events when they are imported, in this order.
SUBSCRIBERS = (
    "analytics.services.prices.markets",
    "analytics.services.anomalies.watch",
    "analytics.services.anomalies.forgetting",
    "analytics.services.forecasts.forgetting",
    "analytics.services.patterns",
    "analytics.services.alerting.subscribing",
    "analytics.services.flow",
)


class AnalyticsConfig(AppConfig):
    name = "analytics"
    verbose_name = _("Market analytics")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from analytics import checks  # noqa: F401  (registers itself)

        for module in SUBSCRIBERS:
            import_module(module)
