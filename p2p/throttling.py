"""How often an address may try to sign in: counted in the database, so that all processes of the
server, on any machine, count together; for tokens and the sign-in page alike."""

from __future__ import annotations

import time
from typing import Any

from django.contrib import admin
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from rest_framework.throttling import BaseThrottle

#: Tries of one address, and the seconds that they are for.
TRIES, SECONDS = 10, 60


class SignInThrottle(BaseThrottle):
    """At most TRIES in any SECONDS. Each try takes a slot, an entry of the cache that is over after
    SECONDS. Adding one succeeds for a single process only, so nothing slips through between reading
    and writing (DRF's own throttles read a list and write it back)."""

    def allow_request(self, request: Any, view: Any) -> bool:
        cache, address = caches["shared"], self.get_ident(request)
        slots = [f"sign-in:{address}:{number}" for number in range(TRIES)]
        taken = cache.get_many(slots)
        for slot in slots:
            if slot not in taken and cache.add(slot, time.time() + SECONDS, SECONDS):
                return True
        self.free_at = min(cache.get_many(slots).values(), default=time.time())
        return False

    def wait(self) -> float:
        """Seconds until a slot is free again."""
        return max(0.0, self.free_at - time.time())


@never_cache
def login(request: HttpRequest) -> HttpResponse:
    """The sign-in page, slow for those who guess."""
    throttle = SignInThrottle()
    if request.method == "POST" and not throttle.allow_request(request, None):
        seconds = int(throttle.wait()) + 1
        page = render(request, "429.html", {"seconds": seconds}, status=429)
        page.headers["Retry-After"] = str(seconds)
        return page
    return admin.site.login(request)
