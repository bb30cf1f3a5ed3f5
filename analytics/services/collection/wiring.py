"""What the venues need of this installation: the key of identities, and where requests may go."""

from __future__ import annotations

import hashlib

from django.conf import settings

from analytics.conf import conf
from analytics.venues.fetch.client import Setting
from analytics.venues.fetch.guard import HttpRules
from analytics.venues.identity import Identities


def identities() -> Identities:
    """Hashes under IDENTITY_KEY, or under a key that belongs to SECRET_KEY: changing either makes
    every advertiser a stranger again. Raises BadVenueConfig where the key is too short."""
    own = conf().IDENTITY_KEY.encode()
    if own:
        return Identities(own)
    secret = str(settings.SECRET_KEY).encode()
    return Identities(hashlib.blake2b(secret, person=b"advertisers").digest())


def real_setting() -> Setting:
    """The world as this installation lets venues reach it."""
    private = conf().ALLOW_PRIVATE_ADDRESSES
    return Setting(rules=HttpRules(allow_private=private, https_only=not private))
