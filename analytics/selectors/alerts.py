"""Reads of alerts: rules, channels, the outbox."""

from __future__ import annotations

from django.db.models import Count, Max, Q, QuerySet
from django.utils.translation import gettext as _

from analytics.exceptions import NotFound
from analytics.models import AlertChannel, AlertDelivery, AlertRule


def rule_list() -> QuerySet[AlertRule]:
    """Rules with `last_fired`, the last moment at which one of their states fired."""
    rules = AlertRule.objects.select_related("market", "owner").prefetch_related("channels")
    return rules.annotate(last_fired=Max("states__fired_at")).order_by("name", "id")


def channel_list() -> QuerySet[AlertChannel]:
    """Channels with how many messages wait and how many were given up."""
    waiting = Q(deliveries__status=AlertDelivery.Status.PENDING)
    dead = Q(deliveries__status=AlertDelivery.Status.DEAD)
    channels = AlertChannel.objects.select_related("owner").annotate(
        waiting=Count("deliveries", filter=waiting), dead=Count("deliveries", filter=dead)
    )
    return channels.order_by("name", "id")


def delivery_list() -> QuerySet[AlertDelivery]:
    """The outbox, newest first."""
    return AlertDelivery.objects.select_related("channel", "rule", "market").order_by("-id")


def channel_get(pk: int) -> AlertChannel:
    """Raises NotFound."""
    found = channel_list().filter(pk=pk).first()
    if found is None:
        raise NotFound(_("There is no channel %(pk)s.") % {"pk": pk}, "unknown_channel")
    return found


def rule_get(ref: str) -> AlertRule:
    """The rule of that name or id. Raises NotFound (unknown_rule)."""
    by = {"pk": int(ref)} if ref.isascii() and ref.isdigit() and len(ref) < 19 else {"name": ref}
    found = rule_list().filter(**by).first()
    if found is None:
        raise NotFound(_("There is no rule %(ref)s.") % {"ref": ref}, "unknown_rule")
    return found
