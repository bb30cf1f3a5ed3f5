"""What an account may do: one rule for the API, the pages and the admin.

Superusers may everything. Others act only as staff, and only by the permissions that their groups
(viewer, operator, admin) or they themselves have. Staff that nobody put into a group or gave a
permission may everything of the application but its accounts, as before there were groups.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.backends import BaseBackend

APPLICATION = "analytics"
VERBS = ("add", "change", "delete", "view")


def may(user: Any, permission: str) -> bool:
    """Whether this account has the application's permission, such as `change_trainingrun`."""
    return user.is_superuser or (user.is_staff and user.has_perm(f"{APPLICATION}.{permission}"))


class PlainStaff(BaseBackend):
    """Permissions of staff whom no group and no permission of their own describes."""

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return _all_of_the_application() if obj is None and _is_plain(user_obj) else set()

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """What the admin's list of applications asks."""
        return app_label == APPLICATION and _is_plain(user_obj)


def _is_plain(user: Any) -> bool:
    if not user.is_active or not user.is_staff or user.is_superuser:
        return False
    return not (user.groups.exists() or user.user_permissions.exists())


def _all_of_the_application() -> set[str]:
    names = [model._meta.model_name for model in apps.get_app_config(APPLICATION).get_models()]
    return {f"{APPLICATION}.{verb}_{name}" for verb in VERBS for name in names}
