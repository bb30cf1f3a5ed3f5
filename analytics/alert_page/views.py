"""Rules, channels and deliveries; the forms of a rule (tried on history first) and of a channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics.alert_page import form, words
from analytics.exceptions import AnalyticsError
from analytics.models import AlertDelivery
from analytics.selectors.alerts import channel_list, delivery_list, rule_list
from analytics.selectors.dashboard import market_choices
from analytics.services.alerting import channels, rules
from analytics.services.alerting.delivering import channel_test, delivery_resend
from analytics.services.alerting.trying import rule_try
from p2p.access import acting, may_act, reader_required

#: Deliveries that the page lists; of dead letters as many again.
LISTED = 30
#: What a rule asks unless another kind is chosen.
FIRST_KIND = "level"


@require_safe
@never_cache
@reader_required
def overview(request: HttpRequest) -> HttpResponse:
    """Rules with when they fired last, channels with their state, the outbox."""
    rule_titles = {kind["name"]: kind["title"] for kind in rules.kinds_described()}
    channel_titles = {kind["name"]: kind["title"] for kind in channels.channel_kinds_described()}
    deliveries = delivery_list()
    dead = deliveries.filter(status=AlertDelivery.Status.DEAD)[:LISTED]
    context = {
        "rules": [words.rule_line(rule, rule_titles) for rule in rule_list()],
        "channels": [words.channel_line(one, channel_titles) for one in channel_list()],
        "dead": [words.delivery_line(row) for row in dead],
        "deliveries": [words.delivery_line(row) for row in deliveries[:LISTED]],
        "may": {
            name.replace("-", "_"): may_act(request, permission)
            for name, (_rows, permission, _do) in _ACTS.items()
        },
    }
    return render(request, "analytics/alerts.html", context)


@never_cache
@acting("change_alertrule")
@require_http_methods(["GET", "HEAD", "POST"])
def new_rule(request: HttpRequest) -> HttpResponse:
    """The form of a rule: ?kind= chooses what it asks; POST tries it on history, or saves it."""
    given = request.POST if request.method == "POST" else request.GET
    kinds = rules.kinds_described()
    by_name = {one["name"]: one for one in kinds}
    kind = by_name.get(given.get("kind", ""), by_name[FIRST_KIND])
    chosen = request.POST.getlist("channels")
    wrong: dict[str, Any] = {}
    problem, tried = "", None
    if request.method == "POST":
        try:
            values = form.rule_values(
                {**given.dict(), "kind": kind["name"]}, chosen, kind["params"]
            )
            if request.POST.get("do") == "save":
                rules.rule_create(owner=_who(request), **values)
                messages.success(request, _("The rule is saved and watches from now on."))
                return redirect("analytics:alerts")
            wanted = ("kind", "params", "market", "cooldown_minutes")
            tried = rule_try(**{name: values[name] for name in wanted})
        except AnalyticsError as error:
            problem, wrong = error.message, error.fields
    context = {
        "kinds": kinds,
        "kind": kind,
        "controls": form.controls(kind["params"], given, wrong),
        "given": given,
        "wrong": wrong,
        "problem": problem,
        "tried": tried,
        "markets": market_choices(),
        "channels": [(one, str(one.pk) in chosen) for one in channel_list()],
    }
    return render(request, "analytics/alert_rule.html", context, status=400 if problem else 200)


@never_cache
@acting("change_alertchannel")
@require_http_methods(["GET", "HEAD", "POST"])
def new_channel(request: HttpRequest) -> HttpResponse:
    """The form of a channel; a signing key that was made is shown on the page that follows."""
    given = request.POST if request.method == "POST" else request.GET
    kinds = channels.channel_kinds_described()
    kind = next((one for one in kinds if one["name"] == given.get("kind")), kinds[0])
    wrong: dict[str, Any] = {}
    problem = ""
    made = None
    if request.method == "POST":
        try:
            values = form.channel_values({**given.dict(), "kind": kind["name"]}, kind["options"])
            made = channels.channel_create(owner=_who(request), **values)
            if made.made_key is None:
                messages.success(request, _("The channel is saved. Send it a test message."))
                return redirect("analytics:alerts")
        except AnalyticsError as error:
            problem, wrong = error.message, error.fields
    context = {
        "kinds": kinds,
        "kind": kind,
        "controls": form.controls(kind["options"], given, wrong),
        "given": _reader() | given.dict(),
        "wrong": wrong,
        "problem": problem,
        "made": made,
        "languages": settings.LANGUAGES,
    }
    return render(request, "analytics/alert_channel.html", context, status=400 if problem else 200)


@require_POST
@reader_required
def act(request: HttpRequest, what: str, pk: int) -> HttpResponse:
    """A button of the page: test, switch, delete, send again."""
    known, row = _ACTS.get(what), None
    if known is not None:
        row = known[0]().filter(pk=pk).first()
    if known is None or row is None:
        raise Http404
    if not may_act(request, known[1]):
        raise PermissionDenied
    try:
        messages.success(request, known[2](row))
    except AnalyticsError as error:
        messages.error(request, error.message)
    return redirect("analytics:alerts")


def _test(channel: Any) -> str:
    found = channel_test(channel=channel)
    said = f"{channel.name}: {found['message']}"
    if not found["ok"]:
        raise AnalyticsError(said)
    return said


def _resend(row: Any) -> str:
    delivery_resend(delivery=row)
    return _("The message is on its way.")


def _switch_rule(rule: Any) -> str:
    rules.rule_change(rule=rule, enabled=not rule.enabled)
    return _("Done.")


def _switch_channel(channel: Any) -> str:
    channels.channel_change(channel=channel, enabled=not channel.enabled)
    return _("Done.")


def _delete_rule(rule: Any) -> str:
    rules.rule_delete(rule=rule)
    return _("The rule is removed.")


def _delete_channel(channel: Any) -> str:
    channels.channel_delete(channel=channel)
    return _("The channel is removed.")


#: Name of a button -> its rows, the permission that it needs, what it does and says.
_ACTS: dict[str, tuple[Callable[[], Any], str, Callable[[Any], str]]] = {
    "test": (channel_list, "change_alertchannel", _test),
    "switch-channel": (channel_list, "change_alertchannel", _switch_channel),
    "delete-channel": (channel_list, "delete_alertchannel", _delete_channel),
    "switch-rule": (rule_list, "change_alertrule", _switch_rule),
    "delete-rule": (rule_list, "delete_alertrule", _delete_rule),
    "resend": (delivery_list, "change_alertdelivery", _resend),
}


def _reader() -> dict[str, str]:
    """What a new channel speaks unless somebody says otherwise: what its maker does."""
    return {"language": get_language() or "", "timezone": timezone.get_current_timezone_name()}


def _who(request: HttpRequest) -> Any:
    return request.user if request.user.is_authenticated else None
