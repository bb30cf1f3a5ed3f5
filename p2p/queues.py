"""The queue's clusters: django-q2's own settings (analytics.checks insists on them)."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

_QUEUE_LIMIT, _BULK = 1, 1
_NAME = "PARALELO_BROKER"
#: Seconds until a connection to Redis counts as refused, and until silence on one ends it: workers
#: wait for a message for a second at a time.
_PATIENCE = {"socket_connect_timeout": "3", "socket_timeout": "15"}
#: A queue's name at SQS has 80 of these signs at most: PREFIX, a hyphen, and the cluster's name.
_SQS = re.compile(r"sqs://(?P<region>[a-z0-9-]+)(?:/(?P<prefix>[A-Za-z0-9_-]{1,60}))?/?")


def broker_settings(address: str) -> dict[str, Any]:
    """django-q2's entry of the broker: the database where the address is empty, else Redis or SQS.
    No message quotes the address: there may be a password in it."""
    if not address:
        return {"orm": "default"}
    return _sqs(address) if address.startswith("sqs:") else _redis(address)


def _redis(address: str) -> dict[str, Any]:
    try:
        found = urlsplit(address)
        asked = dict(parse_qsl(found.query, strict_parsing=True)) if found.query else {}
        named = found.port is None or bool(found.hostname)
    except ValueError:
        found, asked, named = urlsplit(""), {}, False
    place = found.path.strip("/") if found.scheme == "unix" else found.hostname
    if found.scheme not in ("redis", "rediss", "unix") or not place or not named:
        raise ImproperlyConfigured(
            f"{_NAME} must be redis://[:PASSWORD@]HOST[:PORT]/NUMBER (rediss:// with TLS), "
            "unix:///SOCKET, sqs://REGION[/PREFIX], or empty for the database."
        )
    _needs("redis", "Redis")
    return {"redis": f"{address.partition('?')[0]}?{urlencode(_PATIENCE | asked)}"}


def _sqs(address: str) -> dict[str, Any]:
    found = _SQS.fullmatch(address)
    if found is None:
        raise ImproperlyConfigured(
            f"{_NAME} must be sqs://REGION or sqs://REGION/PREFIX (60 letters, digits, - and _ at "
            "most), without keys: those are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what "
            "else boto3 finds. Another server that speaks SQS is AWS_ENDPOINT_URL_SQS."
        )
    _needs("boto3", "SQS")
    named = {"region": found["region"], "prefix": found["prefix"] or "paralelo"}
    # Not django-q2's own class of SQS: analytics.queue.sqs_queue says why.
    return {"broker_class": "analytics.queue.sqs_queue.SqsQueue", "sqs": named}


def _needs(package: str, place: str) -> None:
    if find_spec(package) is None:
        raise ImproperlyConfigured(
            f"{_NAME} is {place}, whose package is missing: "
            f"pip install -r requirements-{place.lower()}.txt"
        )


def _pace(timeout: int, workers: int) -> dict[str, int]:
    # A lease starts when a task is pulled and is never renewed: it must outlast whatever the
    # cluster may have pulled before.
    retry = timeout * (-(-(_QUEUE_LIMIT + _BULK) // workers) + 1) + 600
    return {"workers": workers, "timeout": timeout, "retry": retry}


def cluster_settings(*, timeout: int, workers: int, broker: str = "") -> dict[str, Any]:
    """Two clusters: `long` for trainings, backtests and imports, `workers` at a time and each no
    longer than `timeout` seconds; and one for what is short and must not wait behind those. Their
    messages lie where `broker` says (`broker_settings`)."""
    return {
        "name": "paralelo",
        **broker_settings(broker),
        "queue_limit": _QUEUE_LIMIT,
        "bulk": _BULK,
        **_pace(timeout=1800, workers=2),
        "max_attempts": 1,
        "ack_failures": True,
        "catch_up": False,
        "poll": 0.5,
        "save_limit": 200,
        "label": _("Task queue"),
        "ALT_CLUSTERS": {"long": _pace(timeout=timeout, workers=workers)},
    }
