"""Channels: made, changed, removed. Their secrets are sealed here and never handed out again."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from analytics.alerts.channels import (
    ChannelKind,
    World,
    channel_options,
    get_channel_kind,
    list_channel_kinds,
)
from analytics.alerts.signing import new_key
from analytics.conf import conf
from analytics.exceptions import Conflict, InvalidInput
from analytics.models import AlertChannel
from analytics.sealing import seal, unseal
from analytics.selectors.alerts import channel_get
from analytics.services.alerting.rules import options_described
from analytics.venues.fetch.guard import HttpRules

#: What stands for a secret that is stored; sent back, it leaves the secret as it is.
HIDDEN = "••••••"
LONGEST_DIGEST = 10_080
#: Seconds until a receiver that does not answer is given up, and bytes of its answer that are read.
_SECONDS, _BYTES = 15.0, 64_000


def real_world() -> World:
    """The world as this installation lets messages reach it."""
    private = conf().ALLOW_PRIVATE_ADDRESSES
    rules = HttpRules(
        allow_private=private,
        https_only=not private,
        timeout=_SECONDS,
        max_bytes=_BYTES,
        redirects=0,
    )
    return World(rules=rules)


def channel_kinds_described() -> list[dict[str, Any]]:
    """Every kind of channel with its options, for forms and documents."""
    return [
        {
            "name": kind.name,
            "title": str(kind.title),
            "takes_image": kind.takes_image,
            "options": options_described(kind.params),
        }
        for kind in list_channel_kinds()
    ]


def channel_create(*, options: Any = None, owner: Any = None, **values: Any) -> AlertChannel:
    """A new channel. `made_key` of it is the signing key where one was made: it is shown this once
    and never again. Raises InvalidInput (unknown_kind, bad_options, bad_channel,
    forbidden_address), Conflict (channel_exists)."""
    channel = AlertChannel(owner=owner, **values)
    made = _set_options(channel, options if options is not None else {})
    _check(channel)
    _save(channel, force_insert=True)
    found = channel_get(channel.pk)
    found.made_key = made
    return found


def channel_change(*, channel: AlertChannel, options: Any = None, **values: Any) -> AlertChannel:
    """Change what is given; an option that is not, or is hidden, stays what it was. Raises as
    `channel_create` does."""
    if values.get("kind", channel.kind) != channel.kind:
        raise InvalidInput(
            _("This channel cannot be used: %(names)s.") % {"names": "kind"},
            "bad_channel",
            {"kind": _("cannot be changed; make a new channel")},
        )
    for name, value in values.items():
        setattr(channel, name, value)
    made = None
    if options is not None:
        made = _set_options(channel, {**stored_options(channel), **_given(options)})
    _check(channel)
    fields = [*values, *(["options", "secret"] if options is not None else [])]
    if fields:
        _save(channel, update_fields=fields)
    found = channel_get(channel.pk)
    found.made_key = made
    return found


def channel_delete(*, channel: AlertChannel) -> None:
    """The channel goes, with what waited for it."""
    channel.delete()


def stored_options(channel: AlertChannel) -> dict[str, Any]:
    """All options, secrets among them: for the one who sends. Raises Unavailable."""
    secret = unseal(channel.secret) if channel.secret else {}
    return {**channel.options, **secret}


def shown_options(channel: AlertChannel) -> dict[str, Any]:
    """The options with secrets hidden; those are not even opened."""
    try:
        names = secret_names(get_channel_kind(channel.kind)) if channel.secret else ()
    except InvalidInput:
        names = ()
    return {**channel.options, **dict.fromkeys(names, HIDDEN)}


def secret_names(kind: ChannelKind) -> list[str]:
    """Options of the kind that are secrets."""
    return [f.name for f in dataclasses.fields(kind.params) if f.metadata.get("secret")]


def _given(options: Any) -> dict[str, Any]:
    if not isinstance(options, Mapping):
        raise InvalidInput(
            _("The options must be a JSON object."), "bad_options", {"options": "{...}"}
        )
    return {name: value for name, value in options.items() if value != HIDDEN}


def _set_options(channel: AlertChannel, options: Any) -> str | None:
    """Check the options, keep the plain ones and seal the others; the signing key where one was
    made."""
    kind = get_channel_kind(channel.kind)
    given = _given(options)
    names = secret_names(kind)
    made = new_key() if "key" in names and not given.get("key") else None
    if made:
        given = {**given, "key": made}
    ready = channel_options(kind, given)
    kind.check(ready, real_world())
    channel.options = {name: value for name, value in given.items() if name not in names}
    secret = {name: given[name] for name in names if given.get(name)}
    channel.secret = seal(secret) if secret else ""
    return made


def _check(channel: AlertChannel) -> None:
    problems = {}
    if not str(channel.name).strip() or len(channel.name) > 80:
        problems["name"] = _("must be given: 1 to 80 characters")
    languages = [code for code, _name in settings.LANGUAGES]
    if channel.language not in languages:
        names = {"names": ", ".join(languages)}
        problems["language"] = _("choose one of: %(names)s") % names
    if not _is_zone(channel.timezone):
        problems["timezone"] = _("must be a name such as America/La_Paz")
    if (channel.quiet_from is None) != (channel.quiet_until is None):
        missing = "quiet_from" if channel.quiet_from is None else "quiet_until"
        problems[missing] = _("must be given: quiet hours have a beginning and an end")
    if not 0 <= channel.digest_minutes <= LONGEST_DIGEST:
        limits = {"low": 0, "high": LONGEST_DIGEST}
        problems["digest_minutes"] = _("must be between %(low)s and %(high)s") % limits
    if problems:
        raise InvalidInput(_("This channel cannot be used."), "bad_channel", problems)


def _is_zone(name: str) -> bool:
    return name in available_timezones()


def local_moment(channel: AlertChannel, at: dt.datetime) -> str:
    """A moment as the channel's owner writes it, with the zone."""
    zone = ZoneInfo(channel.timezone)
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {channel.timezone}"


def _save(channel: AlertChannel, **how: Any) -> None:
    try:
        with transaction.atomic():
            channel.save(**how)
    except IntegrityError as error:
        raise Conflict(
            _("There is a channel of that name already."),
            "channel_exists",
            {"name": _("choose another one")},
        ) from error
