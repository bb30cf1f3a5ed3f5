"""What templates need that no view of theirs hands over: moments, the navigation, the worker."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import template
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from analytics import moments, retelling
from analytics.models import AnomalyEvent, Market
from analytics.pages import numbers
from analytics.pages.runs import panel
from analytics.selectors.dashboard import runs_failed_lately, runs_open
from analytics.services.status import worker_status
from p2p import accounts

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
    return format_html('<time datetime="{}">{}</time>', when, moments.moment(at))


@register.filter
def moment_text(at: dt.datetime) -> str:
    """The same as plain text, for an attribute."""
    return moments.moment(at)


@register.filter
def retold(text: str) -> str:
    """A stored sentence of the product's, in the reader's language."""
    return retelling.retold(text)


@register.filter
def count(value: float | None) -> str:
    """A whole number with its thousands marked; a dash for the unknown."""
    return numbers.count(value)


@register.filter
def breakable(symbol: str) -> SafeString:
    """A market's symbol, which may break where its venue begins and not within a word."""
    return mark_safe(escape(symbol).replace("@", "<wbr>@"))  # noqa: S308


@register.filter
def figure_rows(rows: Sequence[Sequence[str]], heads: Sequence[str] = ()) -> SafeString:
    """Rows of a table of figures, each with its name first; with the heads of the columns said at
    each cell where they are given, for a table that a phone has as blocks, a moment first. Page
    after page has hundreds of such cells, and loops of a template take several times as long."""
    said = [f' data-head="{escape(head)}"' for head in heads[1:]]
    made = []
    for name, *cells in rows:
        heading = '<th scope="row" class="wide">' if said else '<th scope="row">'
        figures = "".join(
            f'<td class="n{" wide" if head and head == said[0] else ""}"{head}>{escape(cell)}</td>'
            for head, cell in zip(said or [""] * len(cells), cells, strict=True)
        )
        made.append(f"<tr>{heading}{escape(name)}</th>{figures}</tr>")
    return mark_safe("".join(made))  # noqa: S308


@register.filter
def under(cells: Sequence[Any], heads: Sequence[str]) -> list[tuple[str, Any]]:
    """The cells of a line, each with the head of its column."""
    return list(zip(heads, cells, strict=True))


@register.simple_tag(takes_context=True)
def pages(context: dict[str, Any]) -> list[dict[str, Any]]:
    """The navigation: {name, address, current} of the pages that there are for this person."""
    request: HttpRequest | None = context.get("request")
    user = getattr(request, "user", None)
    imports = user is None or _offered(user, "change_pricehistory")
    named = [
        ("home", _("Markets"), True),
        ("anomalies", _("Anomalies"), True),
        ("patterns", _("Patterns"), True),
        ("models", _("Models"), True),
        ("alerts", _("Alerts"), True),
        ("import", _("Import"), imports),
        ("collection", _("Collection"), True),
        ("operations", _("Operations"), True),
    ]
    path = request.path if request else ""
    found = []
    for name, text, shown in named:
        address = address_of(name) if shown else ""
        if address:
            current = path == address or (address != "/" and path.startswith(address))
            found.append({"name": text, "address": address, "current": current})
    return found


@register.simple_tag(takes_context=True)
def may(context: dict[str, Any], permission: str) -> bool:
    """Whether to offer what asks for this permission of the application."""
    request: HttpRequest | None = context.get("request")
    return request is not None and _offered(request.user, permission)


def _offered(user: Any, permission: str) -> bool:
    # Somebody who is not signed in is offered it too, and is led to the sign-in.
    return not user.is_authenticated or accounts.may(user, permission)


@register.simple_tag
def anomalies_of(market: Market) -> str:
    """Where the anomalies of a market are listed."""
    address = address_of("anomalies")
    if address:
        return f"{address}?market={market.pk}"
    listed = reverse("admin:analytics_anomalyevent_changelist")
    return f"{listed}?market__id__exact={market.pk}"


@register.simple_tag
def anomaly_of(event: AnomalyEvent) -> str:
    """The page of an anomaly, the admin's where there is no other."""
    return address_of("anomaly", event.pk) or reverse(
        "admin:analytics_anomalyevent_change", args=[event.pk]
    )


def address_of(name: str, *args: int) -> str:
    """The address of a page; empty where there is no such page."""
    try:
        return reverse(f"analytics:{name}", args=args)
    except NoReverseMatch:
        return ""
