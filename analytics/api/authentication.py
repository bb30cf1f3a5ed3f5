"""Who sends a token: DRF's own way of it, read without a queryset's compiler, which takes longer
than a forecast that is known already."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from rest_framework import authentication

from analytics.models.direct import rows_where


class TokenAuthentication(authentication.TokenAuthentication):
    """`Authorization: Token KEY`. Read at every request: a token that is withdrawn, and an account
    that is switched off, count for nothing from then on."""

    def authenticate_credentials(self, key: str) -> tuple[Any, Any]:
        """(user, token). Raises AuthenticationFailed."""
        for token in rows_where(self.get_model(), "key = %s", [key]):
            for user in rows_where(get_user_model(), "id = %s", [token.user_id]):
                if user.is_active:
                    token.user = user
                    return user, token
        refused: tuple[Any, Any] = super().authenticate_credentials(key)
        return refused
