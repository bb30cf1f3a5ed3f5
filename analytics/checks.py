"""Refuses a bad queue or artifact setup at start-up (docs/operations.md explains each)."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from analytics.conf import conf

#: Seconds for which SQS keeps a message from others, at most.
_SQS_LEASE = 12 * 3600
_FOLDER = "django.core.files.storage.FileSystemStorage"


@register()
def queue_is_safe(**_: Any) -> list[CheckMessage]:
    """django-q2 runs a task twice, or for ever, unless these hold."""
    return [
        problem
        for name, one in {"": {}, **settings.Q_CLUSTER.get("ALT_CLUSTERS", {})}.items()
        for problem in _cluster_problems({**settings.Q_CLUSTER, **one}, name)
    ]


def _cluster_problems(q: dict[str, Any], name: str) -> list[CheckMessage]:
    """Of one cluster; `name` is empty for the one that is not an alternative."""
    found: list[CheckMessage] = []
    which = f"Q_CLUSTER {name}".strip()
    pulled = math.ceil((q.get("queue_limit", 0) + q.get("bulk", 1)) / max(q.get("workers", 1), 1))
    if q.get("retry", 0) < q.get("timeout", 0) * (pulled + 1):
        found.append(
            Error(
                f"{which}: retry is too short; a task that is still running would run twice.",
                hint=f"Set retry to at least {q.get('timeout', 0) * (pulled + 1)}.",
                id="analytics.E001",
            )
        )
    if q.get("max_attempts") != 1 or not q.get("ack_failures"):
        found.append(
            Error(
                f"{which}: a failing training would be repeated for ever.",
                hint="Set max_attempts to 1 and ack_failures to True.",
                id="analytics.E002",
            )
        )
    if "sqs" in q and (over := q.get("retry", 0) - _SQS_LEASE) > 0:
        found.append(
            Error(
                f"{which}: SQS keeps a task from others for 12 hours at most; retry is longer.",
                hint="Set PARALELO_TRAIN_TIMEOUT to at most "
                f"{q.get('timeout', 0) - math.ceil(over / (pulled + 1))}, or use another broker.",
                id="analytics.E007",
            )
        )
    return found


@register()
def home_is_writable(**_: Any) -> list[CheckMessage]:
    """Artifacts and logs need a folder that can be written."""
    folder = conf().HOME
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if folder.is_dir() and os.access(folder, os.W_OK):
        return []
    return [
        Error(
            f"The home folder {conf().HOME} cannot be written.",
            hint="Point PARALELO_HOME at a folder that can.",
            id="analytics.E003",
        )
    ]


@register()
def artifact_storage_is_there(**_: Any) -> list[CheckMessage]:
    """A shared folder that is not mounted would be filled on this host alone. Of S3 nothing is
    asked here: the server starts without it (p2p.storages refuses a wrong address)."""
    named = settings.STORAGES.get("artifacts", {})
    folder = named.get("OPTIONS", {}).get("location")
    if named.get("BACKEND") != _FOLDER:
        return []
    if Path(folder).is_dir() and os.access(folder, os.W_OK):
        return []
    return [
        Error(
            f"The shared folder of the artifacts, {folder}, is not there or cannot be written.",
            hint="Mount it, or point PARALELO_ARTIFACT_STORAGE at another one.",
            id="analytics.E006",
        )
    ]


@register()
def identity_key_is_long_enough(**_: Any) -> list[CheckMessage]:
    """A short key would let anybody test guesses of who is behind a hash."""
    if not 0 < len(conf().IDENTITY_KEY.encode()) < 16:
        return []
    return [
        Error(
            "ANALYTICS: IDENTITY_KEY needs 16 bytes or more.",
            hint='python -c "import secrets; print(secrets.token_urlsafe(32))"',
            id="analytics.E005",
        )
    ]


@register()
def settings_are_known(**_: Any) -> list[CheckMessage]:
    """A misspelt entry of ANALYTICS would otherwise be silently without effect."""
    try:
        conf()
    except TypeError as error:
        return [Error(f"ANALYTICS: {error}", id="analytics.E004")]
    return []
