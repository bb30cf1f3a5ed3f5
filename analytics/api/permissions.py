"""Who may call the API."""

from __future__ import annotations

from rest_framework.permissions import BasePermission


class AnalyticsPermission(BasePermission):
    pass
