"""Addresses with and without a trailing slash, for every method."""

from __future__ import annotations

from typing import Any

from rest_framework.routers import SimpleRouter


class SlashRouter(SimpleRouter):
    """DRF would answer 404 to a POST that lacks the slash."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trailing_slash = "/?"
