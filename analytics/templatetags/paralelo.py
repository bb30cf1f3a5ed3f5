"""What templates need that no view of theirs hands over: moments, the navigation, the worker."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from analytics.models import Market
from analytics.pages import numbers
from analytics.pages.runs import panel
from analytics.selectors.dashboard import runs_failed_lately, runs_open
from analytics.services.status import worker_status

register = template.Library()


@register.inclusion_tag("analytics/partials/live.html")
def live_panel() -> dict[str, Any]:
    """Device, worker and training as they stand now."""
    return panel(worker_status(), runs_open(), runs_failed_lately())


@register.filter
def moment(at: dt.datetime | None) -> SafeString:
    """A moment in the reader's zone, which it names; the machine's text beside it."""
    if at is None:
        return SafeString("–")
    when = at.astimezone(dt.UTC).isoformat(timespec="seconds")
    return format_html('<time datetime="{}">{}</time>', when, numbers.moment(at))


@register.filter
def moment_text(at: dt.datetime) -> str:
    """The same as plain text, for an attribute."""
    return numbers.moment(at)


@register.simple_tag(takes_context=True)
def pages(context: dict[str, Any]) -> list[dict[str, Any]]:
    """The navigation: {name, address, current} of the pages that there are for this person."""
    request: HttpRequest | None = context.get("request")
    user = getattr(request, "user", None)
    operates = user is None or user.is_staff or not user.is_authenticated
    named = [
        (("home",), _("Markets"), True),
        (("anomalies", "events", "inbox"), _("Anomalies"), True),
        (("patterns",), _("Patterns"), True),
        (("models",), _("Models"), True),
        (("alerts",), _("Alerts"), True),
        (("import",), _("Import"), operates),
        (("collection",), _("Collection"), True),
        (("operations",), _("Operations"), True),
    ]
    path = request.path if request else ""
    found = []
    for names, text, shown in named:
        address = address_of(*names) if shown else ""
        if address:
            current = path == address or (address != "/" and path.startswith(address))
            found.append({"name": text, "address": address, "current": current})
    return found


@register.simple_tag
def anomalies_of(market: Market) -> str:
    """Where the anomalies of a market are listed."""
    address = address_of("anomalies", "events", "inbox")
    if address:
        return f"{address}?market={market.pk}"
    listed = reverse("admin:analytics_anomalyevent_changelist")
    return f"{listed}?market__id__exact={market.pk}"


def address_of(*names: str) -> str:
    """The first of these pages that exists; empty where none does."""
    for name in names:
        try:
            return reverse(f"analytics:{name}")
        except NoReverseMatch:
            continue
    return ""
