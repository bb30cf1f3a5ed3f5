"""The first admin account."""

from __future__ import annotations

import secrets

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from analytics.conf import conf

NAME = "admin"


def admin_ensure() -> str | None:
    """Make the account `admin` unless some superuser exists; the line to print, or None.

    The password is ADMIN_PASSWORD of the settings if given (and then not printed), else a random
    one that is shown this once and stored nowhere in clear.
    """
    users = get_user_model()
    if users.objects.filter(is_superuser=True).exists():
        return None
    given = conf().ADMIN_PASSWORD
    password = given or secrets.token_urlsafe(12)
    users.objects.create_superuser(NAME, email="", password=password)
    if given:
        return _("Admin account: %(name)s, with the password you gave.") % {"name": NAME}
    return _("Admin account: %(name)s, password %(password)s (shown this once).") % {
        "name": NAME,
        "password": password,
    }
