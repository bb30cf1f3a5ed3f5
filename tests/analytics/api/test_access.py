"""The access matrix: every address of the API, by every method, for nobody, any account and staff.

An address that stands in no line of the table fails: who adds one says here who may ask it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from .conftest import Caller

pytestmark = pytest.mark.django_db
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
#: Everybody who has an account may: methods beside OPTIONS. Names are those of the addresses.
READ = {"GET", "HEAD"}
ACCOUNT: dict[str, set[str]] = {
    "dl/predict-price": {"POST"},
    "dl/predict-spread": {"POST"},
    "dl/detect-anomalies": {"POST"},
    "dl/recognize-patterns": {"POST"},
}
#: Only staff may.
STAFF: dict[str, set[str]] = {
    "dl/train-price-predictor": {"POST"},
    "dl/train-spread-predictor": {"POST"},
    "dl/train-anomaly-detector": {"POST"},
    "dl/train-pattern-recognizer": {"POST"},
    "markets": {"POST"},
    "markets/1": {"PATCH"},
    "prices": {"POST", "DELETE"},
    "training-runs": {"POST"},
    "training-runs/1/cancel": {"POST"},
    "models/1/promote": {"POST"},
    "models/1/retire": {"POST"},
    "models/rollback": {"POST"},
    "backtests": {"POST"},
    "backtests/1/cancel": {"POST"},
    "anomalies/1/acknowledge": {"POST"},
    "anomalies/1/label": {"POST"},
    "anomaly-events/1/feedback": {"POST"},
    "sources": {"POST"},
    "sources/1": {"PATCH", "DELETE"},
    "sources/1/dry-run": {"POST"},
    "alert-rules": {"POST"},
    "alert-rules/1": {"PATCH", "DELETE"},
    "alert-rules/try": {"POST"},
    "alert-channels": {"POST"},
    "alert-channels/1": {"PATCH", "DELETE"},
    "alert-channels/1/test": {"POST"},
    "alert-deliveries/1/resend": {"POST"},
}
#: Nobody needs credentials: they are what is asked for.
OPEN = {"token"}


def addresses() -> list[str]:
    """Every address below the API's root, once, ids as 1."""
    return sorted({path for path in _walk(get_resolver(), "") if path is not None})


def _walk(resolver: URLResolver, before: str) -> Iterator[str | None]:
    for one in resolver.url_patterns:
        text = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _walk(one, text)
        elif isinstance(one, URLPattern):
            yield _plain(text)


def _plain(pattern: str) -> str | None:
    text = re.sub(r"\(\?P<[^>]+>(?:\[[^\]]*\]|[^()])*\)", "1", pattern)
    text = re.sub(r"<[^>]+>", "1", text).replace("^", "").replace("$", "").replace("\\", "")
    text = text.replace("/?", "").replace(".1", "")
    root = "api/v1/analytics/"
    found = text.removeprefix(root).strip("/") if text.startswith(root) else None
    return None if found == ".*" else found  # what is nowhere


def asked(caller: Caller, method: str, path: str) -> int:
    body: Any = {} if method in ("POST", "PUT", "PATCH") else None
    return caller(method, path, body).status_code


ADDRESSES = addresses()


def test_the_table_names_addresses_that_there_are():
    assert (ACCOUNT.keys() | STAFF.keys() | OPEN) - set(ADDRESSES) == set()
    assert len(ADDRESSES) > 40


@pytest.mark.parametrize("path", [a for a in ADDRESSES if a not in OPEN])
def test_nobody_gets_in_without_credentials(path):
    found = {method: asked(Caller(), method, path) for method in METHODS}
    assert set(found.values()) <= {401, 404, 405}, found
    assert 401 in found.values()


@pytest.mark.parametrize("path", [a for a in ADDRESSES if a not in OPEN])
def test_an_account_may_what_the_table_says(as_user, path):
    """Staff's are refused (403); what may be done is anything but that; the rest is no method."""
    for method in METHODS:
        status = asked(as_user, method, path)
        if method in STAFF.get(path, ()):
            assert status == 403, (method, status)
        elif method in ACCOUNT.get(path, ()) or method in READ or method == "OPTIONS":
            assert status not in (401, 403), (method, status)
        else:
            assert status == 405, (method, status)


@pytest.mark.parametrize("path", ADDRESSES)
def test_no_address_breaks_by_any_method(as_staff, path):
    """No 5xx but what an unreachable venue or a missing model is."""
    for method in METHODS:
        status = asked(as_staff, method, path)
        assert status < 500, (method, status)
        assert status != 403, (method, status)
