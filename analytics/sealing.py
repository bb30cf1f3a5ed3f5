"""Secrets at rest: encrypted (Fernet: AES-128-CBC and HMAC-SHA256) under a key of this
installation, readable by its processes alone. Whoever has the database alone reads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from analytics.conf import conf
from analytics.exceptions import Unavailable
from analytics.lazily import fernet


def _key(secret: str) -> fernet.Fernet:
    digest = hashlib.blake2b(secret.encode(), digest_size=32, person=b"sealed secrets").digest()
    return fernet.Fernet(base64.urlsafe_b64encode(digest))


def _keys() -> fernet.MultiFernet:
    """The first one seals; all open: keys that were replaced stand in SECRET_KEY_FALLBACKS."""
    own = [conf().SECRETS_KEY] if conf().SECRETS_KEY else []
    return fernet.MultiFernet(
        [_key(str(text)) for text in (*own, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    )


def seal(value: Any) -> str:
    """Plain JSON values as a text that only this installation can open."""
    return _keys().encrypt(json.dumps(value).encode()).decode()


def unseal(token: str) -> Any:
    """What was sealed. Raises Unavailable (secret_unreadable) where the key is another one now."""
    try:
        return json.loads(_keys().decrypt(token.encode()))
    except fernet.InvalidToken:
        pass
    raise Unavailable(
        _("A stored secret cannot be read with this server's key: enter it again."),
        "secret_unreadable",
    )
