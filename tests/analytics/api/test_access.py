"""The access matrix: every address of the API, by every method, for nobody, any account, staff of
each group and staff of none.

An address that stands in no line of the table fails: who adds one says here who may ask it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests import factories

from .conftest import Caller, with_token

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
#: Only staff may that is an operator, an admin, or in no group.
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
#: What operators may not, of the above: they switch off, admins delete.
ADMINS: dict[str, set[str]] = {
    "sources/1": {"DELETE"},
    "alert-rules/1": {"DELETE"},
    "alert-channels/1": {"DELETE"},
}
#: Who of the staff is refused what.
REFUSED = {"viewer": STAFF, "operator": ADMINS, "admin": {}, "": {}}
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


def with_id(number: str) -> list[str]:
    """Addresses that name a row, with this id; those of the pages too."""
    api = {a.replace("/1", f"/{number}") for a in ADDRESSES if "/1" in a}
    pages = ("markets/{}/", "markets/{}/chart/", "models/{}/", "import/runs/{}/")
    more = ("import/runs/{}/progress/", "import/runs/{}/rejects/", "import/{}/")
    rooms = ("market", "trainedmodel", "trainingrun", "forecast", "anomalyevent", "anomalywatch")
    admin = [f"admin/analytics/{room}/{{}}/change/" for room in rooms]
    return sorted(api) + ["/" + page.format(number) for page in (*pages, *more, *admin)]


def cursor(text: str) -> str:
    """A position in the quotes, as the API writes it."""
    return quote(b64encode(urlencode({"p": text}).encode()).decode())


def asked(caller: Caller, method: str, path: str) -> int:
    body: Any = {} if method in ("POST", "PUT", "PATCH") else None
    return caller(method, path, body).status_code


ADDRESSES = addresses()


def test_the_table_names_addresses_that_there_are():
    assert (ACCOUNT.keys() | STAFF.keys() | OPEN) - set(ADDRESSES) == set()
    assert len(ADDRESSES) > 40


@pytest.mark.parametrize("path", [a for a in ADDRESSES if a not in OPEN])
@pytest.mark.any_database
def test_nobody_gets_in_without_credentials(path):
    found = {method: asked(Caller(), method, path) for method in METHODS}
    assert set(found.values()) <= {401, 404, 405}, found
    assert 401 in found.values()


@pytest.mark.parametrize("path", [a for a in ADDRESSES if a not in OPEN])
@pytest.mark.any_database
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


@pytest.mark.parametrize("group", REFUSED)
@pytest.mark.any_database
def test_staff_may_what_its_group_says(group):
    """In no group: everything, as before there were groups."""
    caller = with_token(factories.make_staff(group))
    for path in [a for a in ADDRESSES if a not in OPEN]:
        for method in METHODS:
            status = asked(caller, method, path)
            refused = method in REFUSED[group].get(path, ())
            assert (status == 403) == refused, (path, method, status)


@pytest.mark.any_database
def test_a_group_is_nothing_without_the_right_to_act():
    """An operator who is no staff reads; one who may enter the admin acts."""
    account = factories.make_staff("operator")
    caller = with_token(account)
    assert asked(caller, "POST", "training-runs/1/cancel") == 404
    account.is_staff = False
    account.save()
    assert asked(caller, "POST", "training-runs/1/cancel") == 403
    assert asked(caller, "GET", "training-runs") == 200


@pytest.mark.parametrize("path", ADDRESSES)
def test_no_address_breaks_by_any_method(as_staff, path):
    """No 5xx but what an unreachable venue or a missing model is."""
    for method in METHODS:
        status = asked(as_staff, method, path)
        assert status < 500, (method, status)
        assert status != 403, (method, status)


IDS = ["0", "-1", str(2**31), str(2**63 - 1), str(2**63), str(10**18 - 1), str(10**30), "9" * 200]


@pytest.mark.parametrize("number", IDS)
def test_no_id_is_too_odd_for_any_address(as_staff, admin_client, number):
    admin_client.raise_request_exception = False
    for path in with_id(number):
        page = path.startswith("/")
        for method in ("GET", "OPTIONS") if page else METHODS:
            if page:
                status = admin_client.generic(method, path).status_code
            else:
                status = asked(as_staff, method, path)
            # The admin leads back to its list, where it says that there is no such row.
            assert status in (302, 400, 404, 405) or method == "OPTIONS", (method, path, status)
            assert status < 500, (method, path, status)


#: Lists, and a parameter that each of them knows.
LISTS = [a for a in ADDRESSES if "/" not in a and a not in {"", "schema", "docs", "redoc", *OPEN}]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.any_database
def test_a_parameter_that_comes_twice_or_says_nothing_is_refused(as_user, path):
    assert as_user.get(path).status_code in (200, 400)  # quotes want a market
    name = "task" if path == "families" else "page_size"
    value = "price" if path == "families" else "7"
    empty = "invalid" if path == "families" else "empty_parameter"
    for query, said in (
        (f"{name}={value}&{name}={value}", "contradiction"),
        (f"{name}=", empty),
        (f"{name}=%20", empty),
        ("ordering=", "empty_parameter"),
        ("bogus=1", "unknown_parameter"),
    ):
        if path == "families" and query.startswith("ordering"):
            continue
        answer = as_user.get(f"{path}?{query}")
        assert answer.status_code == 400, query
        assert answer.json()["code"] == said, query
        assert set(answer.json()["fields"]) == {query.split("=")[0]}


@pytest.mark.parametrize(
    "text",
    [
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00Z"),
        *("9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "now", "\x00"),
        *("2026-01-01T00:00:00", "2026-01-01", "", "1e999", "-1"),
    ],
)
def test_no_cursor_is_too_odd(as_user, market, text):
    answer = as_user.get(f"prices?cursor={cursor(text)}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("page", ["0", "-1", "2", str(2**63), "9" * 400, "last+1", "1.5", "x"])
@pytest.mark.parametrize("path", [a for a in LISTS if a not in ("prices", "families")])
@pytest.mark.any_database
def test_a_page_that_is_not_there_is_404(as_user, path, page):
    answer = as_user.get(f"{path}?page={page}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.any_database
def test_options_say_what_may_be_done(as_staff, path):
    answer = as_staff("OPTIONS", path)
    assert answer.status_code == (405 if path in ("docs", "redoc") else 200)
    assert answer.headers["Allow"]
