"""What a process keeps for itself (the queue's statistics), and what all of them count together:
tries to sign in (p2p.throttling). The shared one's table is made by a migration."""

from __future__ import annotations

from typing import Any

CACHES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "shared": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "paralelo_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
