"""From rows of the outbox to one message in the language of its channel."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics.alerts.channels import Message
from analytics.alerts.picture import chart
from analytics.alerts.rules import get_kind
from analytics.conf import conf
from analytics.exceptions import InvalidInput
from analytics.models import AlertChannel, AlertDelivery
from analytics.selectors.series import quote_series
from analytics.services.alerting.channels import local_moment
from analytics.words import word

TEST = "test"
#: Lines of a digest; the rest is counted.
MOST_LINES = 30
#: What a chart shows before the alert and after it.
BEFORE, AFTER = dt.timedelta(hours=24), dt.timedelta(hours=1)


def message_key(rows: list[AlertDelivery]) -> str:
    """The message's idempotency key: of one row its own, of a digest that of all its rows."""
    if len(rows) == 1:
        return rows[0].key
    keys = "|".join(sorted(row.key for row in rows))
    return hashlib.blake2b(keys.encode(), digest_size=16, person=b"alert digest").hexdigest()


def message_of(rows: list[AlertDelivery], channel: AlertChannel, *, with_image: bool) -> Message:
    """One row as it is, several as a digest."""
    with translation.override(channel.language):
        if len(rows) == 1:
            return _single(rows[0], channel, with_image=with_image)
        return _digest(rows, channel)


def _single(row: AlertDelivery, channel: AlertChannel, *, with_image: bool) -> Message:
    title = _title(row)
    text = f"{_words(row)}\n{local_moment(channel, row.happened_at)}"
    body = {"type": "test" if row.kind == TEST else "alert", **_body(row)}
    image = _image(row, channel.timezone) if with_image else None
    return Message(
        key=message_key([row]), title=title, text=text, link=_link(row), body=body, image=image
    )


def _digest(rows: list[AlertDelivery], channel: AlertChannel) -> Message:
    count = len(rows)
    title = ngettext("%(n)d alert", "%(n)d alerts", count) % {"n": count}
    lines = [
        f"{local_moment(channel, row.happened_at)} · {_title(row)}: {_words(row)}"
        for row in rows[:MOST_LINES]
    ]
    if count > MOST_LINES:
        lines.append(_("and %(n)d more") % {"n": count - MOST_LINES})
    body = {"type": "digest", "id": message_key(rows), "alerts": [_body(row) for row in rows]}
    link = conf().PUBLIC_URL and conf().PUBLIC_URL + reverse("analytics:alerts")
    return Message(key=message_key(rows), title=title, text="\n".join(lines), link=link, body=body)


def _title(row: AlertDelivery) -> str:
    if row.kind == TEST:
        return _("Test message of Paralelo")
    return f"{row.market.symbol}: {row.rule_name}" if row.market else row.rule_name


def _words(row: AlertDelivery) -> str:
    return delivery_words(row.kind, row.values)


def delivery_words(kind: str, values: dict[str, Any]) -> str:
    """What a row says, in the language that is active."""
    if kind == TEST:
        return _("This channel works.")
    try:
        return get_kind(kind).words(values)
    except (InvalidInput, KeyError):
        # A kind or its values of another release: its figures say what there is to say.
        return ", ".join(f"{word(name)}: {value}" for name, value in values.items())


def _link(row: AlertDelivery) -> str:
    if not conf().PUBLIC_URL:
        return ""
    if row.market_id is None:
        return conf().PUBLIC_URL + reverse("analytics:alerts")
    return conf().PUBLIC_URL + reverse("analytics:market", args=[row.market_id])


def _body(row: AlertDelivery) -> dict[str, Any]:
    """An alert for programs: names of fields do not change with the language."""
    return {
        "id": row.key,
        "rule": {"id": row.rule_id, "name": row.rule_name, "kind": row.kind},
        "market": row.market.symbol if row.market else None,
        "market_id": row.market_id,
        "happened_at": row.happened_at.isoformat(),
        "title": _title(row),
        "text": _words(row),
        "values": row.values,
        "link": _link(row),
    }


def _image(row: AlertDelivery, zone: str) -> bytes | None:
    if row.market is None:
        return None
    series = quote_series(row.market, row.happened_at - BEFORE)
    series = series.between(0, (row.happened_at + AFTER).timestamp())
    derived = series.derived()
    level = row.values.get("level", row.values.get("limit"))
    if row.values.get("figure") == "spread_pct":
        lines = {word("spread_pct"): derived["spread"]}
    else:
        lines = {word("ask"): derived["ask"], word("bid"): derived["bid"]}
        if not any(len(values) and (values == values).any() for values in lines.values()):
            lines = {word("price"): derived["average"]}
    mark = row.happened_at.timestamp()
    return chart(row.market.symbol, series.at, lines, mark=mark, level=level, zone=zone)
