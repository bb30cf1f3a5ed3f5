"""Rules: made, changed, removed; checked before anything is kept."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from analytics.alerts.rules import get_kind, list_kinds, params_of
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import AlertChannel, AlertRule, AlertState, Market
from analytics.selectors.alerts import rule_list
from analytics.services.alerting.evaluating import evaluate, rules_ready
from analytics.venues.options import describe_options

LONGEST_COOLDOWN = 43_200
#: A change of these begins anew: what the old rule saw says nothing about the new one.
_AFRESH = frozenset(("kind", "params", "market"))


def kinds_described() -> list[dict[str, Any]]:
    """Every kind of rule with its parameters, for forms and documents."""
    return [
        {
            "name": kind.name,
            "title": str(kind.title),
            "of_market": kind.of_market,
            "moved_by": str(kind.moved),
            "can_be_tried": not kind.untried,
            "why_not": str(kind.untried),
            "params": options_described(kind.params),
        }
        for kind in list_kinds()
    ]


def options_described(cls: Any) -> list[dict[str, Any]]:
    """The options of a class as plain values, in the language that is active."""
    return [
        {
            **entry,
            "default": _plain(entry["default"]),
            "help": str(entry["help"]),
            "choices": list(entry["choices"]),
        }
        for entry in describe_options(cls)
    ]


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str | None) else str(value)


def _stored(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def rule_create(
    *, channels: Sequence[AlertChannel] = (), owner: Any = None, **values: Any
) -> AlertRule:
    """A new rule, looked at at once: what it is about from now on begins here. Raises InvalidInput
    (unknown_kind, bad_params, bad_rule) and Conflict (rule_exists)."""
    rule = AlertRule(owner=owner, **values)
    _check(rule)
    _save(rule, channels, force_insert=True)
    return _looked_at(rule)


def rule_change(
    *, rule: AlertRule, channels: Sequence[AlertChannel] | None = None, **values: Any
) -> AlertRule:
    """Change what is given. Raises as `rule_create` does."""
    afresh = any(name in _AFRESH and getattr(rule, name) != v for name, v in values.items())
    for name, value in values.items():
        setattr(rule, name, value)
    _check(rule)
    rule.problem = ""
    _save(rule, channels, afresh=afresh)
    return _looked_at(rule)


def rule_delete(*, rule: AlertRule) -> None:
    """The rule goes; what it has raised stays in the outbox."""
    rule.delete()


def _save(
    rule: AlertRule,
    channels: Sequence[AlertChannel] | None,
    *,
    afresh: bool = False,
    force_insert: bool = False,
) -> None:
    try:
        with transaction.atomic():
            rule.save(force_insert=force_insert)
            if channels is not None:
                rule.channels.set(channels)
            if afresh:
                AlertState.objects.filter(rule=rule).delete()
    except IntegrityError as error:
        raise Conflict(
            _("There is a rule of that name already."),
            "rule_exists",
            {"name": _("choose another one")},
        ) from error


def _looked_at(rule: AlertRule) -> AlertRule:
    """The rule's first look: on which side of its level things are."""
    if rule.enabled:
        fresh = AlertRule.objects.prefetch_related("channels").get(pk=rule.pk)
        evaluate(rules=rules_ready([fresh]))
    return rule_list().get(pk=rule.pk)


def _check(rule: AlertRule) -> None:
    problems = {}
    if not str(rule.name).strip() or len(rule.name) > 80:
        problems["name"] = _("must be given: 1 to 80 characters")
    if not 0 <= rule.cooldown_minutes <= LONGEST_COOLDOWN:
        limits = {"low": 0, "high": LONGEST_COOLDOWN}
        problems["cooldown_minutes"] = _("must be between %(low)s and %(high)s") % limits
    if rule.market is not None and not isinstance(rule.market, Market):
        problems["market"] = _("choose a market")
    if problems:
        raise InvalidInput(_("This rule cannot be used."), "bad_rule", problems)
    kind = get_kind(rule.kind)
    ready = params_of(kind, rule.params)
    # As the kind reads them: a form sends texts.
    rule.params = {name: _stored(getattr(ready, name)) for name in rule.params}
    if rule.market is not None and not kind.of_market:
        raise InvalidInput(
            _("This rule cannot be used."),
            "bad_rule",
            {"market": _("leave it out: this kind is about the server")},
        )
