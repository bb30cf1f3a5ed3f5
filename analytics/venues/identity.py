"""People of a marketplace become keyed hashes before anything leaves a parser."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from analytics.venues.errors import BadVenueConfig
from analytics.venues.texts import Text as _

MIN_KEY_BYTES = 16
_DIGEST_BYTES = 8


@dataclass(frozen=True)
class Identities:
    """Turns names and account numbers into BLAKE2b hashes under a secret key: the same advertiser
    of the same venue has the same hash, nobody without the key can test a guess, and advertisers
    of two venues cannot be joined. 64 bits: among 10,000 advertisers two share one with a chance
    of 3e-12. The key is never shown."""

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < MIN_KEY_BYTES:
            raise BadVenueConfig(
                _("The key of identities needs at least %(least)s bytes.", least=MIN_KEY_BYTES),
                fields={"key": _("too short")},
            )

    def advertiser(self, venue: str, value: Any) -> str:
        return self._hash(f"advertiser:{venue}:{value}")

    def ad(self, venue: str, value: Any) -> str:
        return self._hash(f"ad:{venue}:{value}")

    def _hash(self, text: str) -> str:
        key = self.key if len(self.key) <= 64 else hashlib.blake2b(self.key).digest()
        return hashlib.blake2b(text.encode(), key=key, digest_size=_DIGEST_BYTES).hexdigest()
