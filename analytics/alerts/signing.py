"""Signed webhooks, as Standard Webhooks (standardwebhooks.com) has it, so that receivers find a
library in their language: HMAC-SHA256 over `id.timestamp.body`, in base64, behind a version."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from analytics.venues.texts import Text as _

_PREFIX = "whsec_"


def new_key() -> str:
    """A fresh key of 32 random bytes, as Standard Webhooks writes it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_bytes(key: str) -> bytes:
    """The bytes of a key. Raises ValueError where it is none, or shorter than 24 bytes."""
    if not key.startswith(_PREFIX):
        raise ValueError(_("must begin with whsec_"))
    try:
        found = base64.b64decode(key.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(_("must be whsec_ and base64")) from None
    if len(found) < 24:
        raise ValueError(_("must hold 24 bytes or more"))
    return found


def signature(key: str, message_id: str, timestamp: int, body: bytes) -> str:
    """What the header `webhook-signature` says: v1,BASE64."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key_bytes(key), signed, hashlib.sha256)).decode()


def headers(key: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """All headers of a signed message. `Idempotency-Key` repeats the id: it is the same however
    often the message is sent; timestamp and signature are new each time."""
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(key, message_id, timestamp, body),
        "Idempotency-Key": message_id,
    }
