"""Alerts: rules and where they stand, channels without their secrets, the outbox."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.admin.base import MarketFilter, OwnedAdmin, by_name, mark, operate
from analytics.models import AlertChannel, AlertDelivery, AlertRule
from analytics.moments import moment
from analytics.retelling import retold
from analytics.selectors.alerts import channel_list, delivery_list, rule_list
from analytics.services.alerting import channels, rules
from analytics.services.alerting.composing import delivery_words
from analytics.services.alerting.delivering import channel_test, delivery_resend


def _rule_kind(name: str) -> str:
    titles = {kind["name"]: kind["title"] for kind in rules.kinds_described()}
    return titles.get(name, name)


def _channel_kind(name: str) -> str:
    titles = {kind["name"]: kind["title"] for kind in channels.channel_kinds_described()}
    return titles.get(name, name)


_STATES = {"sent": "good", "dead": "bad", "pending": "quiet"}


@admin.register(AlertRule)
class AlertRuleAdmin(OwnedAdmin):
    list_display = ["name", "of_kind", "where", "enabled", "fired", "cooldown_minutes", "wrong"]
    list_filter = ["enabled", by_name("kind", _rule_kind), MarketFilter]
    fields = [
        *("name", "of_kind", "params", "market", "enabled"),
        *("cooldown_minutes", "channels", "owner"),
    ]
    readonly_fields = ["of_kind"]
    actions = ["switch_on", "switch_off"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        return rule_list()

    @admin.display(description=_("kind"), ordering="kind")
    def of_kind(self, rule: AlertRule) -> str:
        return _rule_kind(rule.kind)

    @admin.display(description=_("market"))
    def where(self, rule: AlertRule) -> str:
        return rule.market.symbol if rule.market else str(_("all"))

    @admin.display(description=_("problem"))
    def wrong(self, rule: AlertRule) -> str:
        return retold(rule.problem) or "–"

    @admin.display(description=_("last fired"), ordering="last_fired")
    def fired(self, rule: AlertRule) -> str:
        return moment(rule.last_fired) if rule.last_fired else "–"

    @admin.action(description=_("Switch on"), permissions=["operate"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[AlertRule]) -> None:
        operate(self, request, queryset, lambda row: rules.rule_change(rule=row, enabled=True))

    @admin.action(description=_("Switch off"), permissions=["operate"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[AlertRule]) -> None:
        operate(self, request, queryset, lambda row: rules.rule_change(rule=row, enabled=False))


@admin.register(AlertChannel)
class AlertChannelAdmin(OwnedAdmin):
    list_display = ["name", "of_kind", "enabled", "state", "waiting", "given_up", "last_success_at"]
    list_filter = ["enabled", by_name("kind", _channel_kind)]
    exclude = ["kind", "options"]
    readonly_fields = ["of_kind", "shown"]
    actions = ["switch_on", "switch_off", "send_test"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertChannel]:
        return channel_list()

    @admin.display(description=_("kind"), ordering="kind")
    def of_kind(self, channel: AlertChannel) -> str:
        return _channel_kind(channel.kind)

    @admin.display(description=_("options"))
    def shown(self, channel: AlertChannel) -> str:
        return ", ".join(f"{k}: {v}" for k, v in channels.shown_options(channel).items()) or "–"

    @admin.display(description=_("state"))
    def state(self, channel: AlertChannel) -> SafeString:
        if channel.failures:
            return mark("bad", retold(channel.last_error))
        return mark("good", _("works")) if channel.last_success_at else mark("quiet", _("unused"))

    @admin.display(description=_("waiting"), ordering="waiting")
    def waiting(self, channel: AlertChannel) -> int:
        return channel.waiting

    @admin.display(description=_("Given up"), ordering="dead")
    def given_up(self, channel: AlertChannel) -> int:
        return channel.dead

    @admin.action(description=_("Switch on"), permissions=["operate"])
    def switch_on(self, request: HttpRequest, queryset: QuerySet[AlertChannel]) -> None:
        self._switch(request, queryset, True)

    @admin.action(description=_("Switch off"), permissions=["operate"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[AlertChannel]) -> None:
        self._switch(request, queryset, False)

    def _switch(self, request: HttpRequest, queryset: QuerySet[AlertChannel], on: bool) -> None:
        def change(row: AlertChannel) -> None:
            channels.channel_change(channel=row, enabled=on)

        operate(self, request, queryset, change)

    @admin.action(description=_("Send a test message"), permissions=["operate"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[AlertChannel]) -> None:
        def tell(channel: AlertChannel) -> None:
            self.message_user(request, f"{channel}: {channel_test(channel=channel)['message']}")

        operate(self, request, queryset, tell)


@admin.register(AlertDelivery)
class AlertDeliveryAdmin(OwnedAdmin):
    list_display = [
        "pk",
        "happened_at",
        "rule_name",
        "market",
        "says",
        "channel",
        "state",
        "failure",
    ]
    list_filter = ["status", "channel", MarketFilter]
    exclude = ["kind", "values", "error", "batch", "held_until"]
    readonly_fields = ["says", "failure"]
    actions = ["resend"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertDelivery]:
        return delivery_list()

    @admin.display(description=_("message"))
    def says(self, row: AlertDelivery) -> str:
        return delivery_words(row.kind, row.values)

    @admin.display(description=_("error"))
    def failure(self, row: AlertDelivery) -> str:
        return retold(row.error) or "–"

    @admin.display(description=_("status"), ordering="status")
    def state(self, row: AlertDelivery) -> SafeString:
        return mark(_STATES[row.status], row.get_status_display())

    @admin.action(description=_("Send again"), permissions=["operate"])
    def resend(self, request: HttpRequest, queryset: QuerySet[AlertDelivery]) -> None:
        operate(self, request, queryset, lambda row: delivery_resend(delivery=row))
