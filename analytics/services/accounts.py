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
    one that is shown this once and stored nowhere in clear. Given, it is also set on an account
    `admin` that is there and has another: this is how a lost one is replaced.
    """
    users = get_user_model()
    given = conf().ADMIN_PASSWORD
    if users.objects.filter(is_superuser=True).exists():
        return _reset(given)
    password = given or secrets.token_urlsafe(12)
    users.objects.create_superuser(NAME, email="", password=password)
    if given:
        return _("Admin account: %(name)s, with the password you gave.") % {"name": NAME}
    return _("Admin account: %(name)s, password %(password)s (shown this once).") % {
        "name": NAME,
        "password": password,
    }


def _reset(password: str) -> str | None:
    account = get_user_model().objects.filter(username=NAME, is_superuser=True).first()
    if not password or account is None or account.check_password(password):
        return None
    account.set_password(password)
    account.save(update_fields=["password"])
    return _("Admin account: %(name)s, its password is now the one you gave.") % {"name": NAME}
