"""Who may open which page: readers, staff of each group, staff of none.

An address of the pages that stands in no table fails: who adds one says here who may open it.
"""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from analytics.services.alerting import channels, rules
from analytics.urls import urlpatterns
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

TASK, ROW, KIND = {"pk": 1, "task": "price"}, {"pk": 1}, {"kind": "training", "pk": 1}
#: Name -> what its address needs: what every reader may look at.
READERS = {
    "home": {}, "market": ROW, "market-chart": ROW, "market-price": ROW, "market-more": ROW,
    "collection": {}, "operations": {}, "preferences": {}, "favourite": {}, "model-card": ROW,
    "live": {}, "patterns": {}, "alerts": {}, "anomalies": {}, "anomaly": ROW,
    "anomaly-chart": ROW, "models": {}, "models-compare": {}, "models-task": TASK,
    "models-live": TASK, "model-run": ROW, "model-progress": ROW, "model-losses": ROW,
    "readyz": {}, "metrics": {},
}  # fmt: skip
#: What shows more than readers see, and changes nothing: staff that may see runs.
LOOKS = {"run-log": KIND}
#: What operators may.
ACTS = {
    "source": ROW, "alert-rule-new": {}, "alert-channel-new": {}, "import": {},
    "import-run": ROW, "import-progress": ROW, "import-rejects": ROW,
    "import-file": {"token": "a-token"}, "anomalies-settle": {}, "anomaly-judge": ROW,
    "models-train": TASK, "models-backtest": TASK, "models-rollback": TASK,
    "model-decide": {"pk": 1, "what": "promote"}, "model-artifact": ROW, "model-cancel": ROW,
    "backtest-cancel": ROW,
}  # fmt: skip
BUTTONS = ("test", "switch-channel", "switch-rule", "resend")
#: What admins may, and operators not.
ADMIN_BUTTONS = ("delete-channel", "delete-rule")


def names(patterns):
    for one in patterns:
        nested = getattr(one, "url_patterns", None)
        yield from names(nested) if nested is not None else [one.name]


def opened(client, name, given):
    """The status of its address, by the method that it takes."""
    address = reverse(f"analytics:{name}", kwargs=given)
    status = client.get(address).status_code
    return client.post(address).status_code if status == 405 else status


def button(client, what):
    """The status of a button of the alerts' page, each time on a row that there is."""
    channel = channels.channel_create(name=f"to {what}", kind="log")
    row = channel
    if what.endswith("rule"):
        row = rules.rule_create(name=what, kind="level", params={"level": 11}, channels=[channel])
    if what == "resend":
        row = channel.deliveries.create(
            key="k", kind="test", rule_name="test", happened_at=NOW, due_at=NOW, status="dead"
        )
    address = reverse("analytics:alert-act", kwargs={"what": what, "pk": row.pk})
    return client.post(address).status_code


NOW = factories.timezone.now()


def test_every_address_stands_in_a_table():
    known = [*READERS, *LOOKS, *ACTS, "alert-act"]
    assert sorted(known) == sorted(names(urlpatterns))


@pytest.mark.parametrize("name", [*LOOKS, *ACTS])
def test_a_reader_does_not_act_and_nobody_is_led_to_the_sign_in(client, name):
    given = (LOOKS | ACTS)[name]
    address = reverse(f"analytics:{name}", kwargs=given)
    answers = [client.get(address), client.post(address)]
    assert {a.status_code for a in answers} <= {302, 405}
    assert any("/admin/login/" in a.headers.get("Location", "") for a in answers)
    client.force_login(get_user_model().objects.create_user("reader"))
    assert opened(client, name, given) == 403


@pytest.mark.parametrize("group", ["viewer", "operator", "admin", ""])
def test_staff_may_what_its_group_says(client, group):
    """In no group: everything, as before there were groups."""
    client.force_login(factories.make_staff(group))
    for name, given in READERS.items():
        assert opened(client, name, given) in (200, 302, 400, 404), name
    for name, given in LOOKS.items():
        assert opened(client, name, given) != 403, name
    for name, given in ACTS.items():
        assert (opened(client, name, given) == 403) == (group == "viewer"), name
    for what in BUTTONS:
        assert (button(client, what) == 403) == (group == "viewer"), what
    for what in ADMIN_BUTTONS:
        assert (button(client, what) == 403) == (group in ("viewer", "operator")), what


@pytest.mark.parametrize(
    ("group", "offered", "hidden"),
    [("viewer", [], ["switch-rule", "delete-rule", "resend", "/alerts/rules/new/", "/import/"]),
     ("operator", ["switch-rule", "/alerts/rules/new/", "/import/"], ["delete-rule"]),
     ("admin", ["switch-rule", "delete-rule", "/import/"], []),
     ("", ["switch-rule", "delete-rule", "/import/"], [])],
)  # fmt: skip
def test_a_page_offers_what_its_reader_may(client, group, offered, hidden):
    channel = channels.channel_create(name="log", kind="log")
    rules.rule_create(name="dear", kind="level", params={"level": 11}, channels=[channel])
    client.force_login(factories.make_staff(group))
    page = client.get(reverse("analytics:alerts")).content.decode()
    assert [word for word in offered if word not in page] == []
    assert [word for word in hidden if word in page] == []


@pytest.mark.parametrize("group", ["viewer", "operator", ""])
def test_the_admin_follows_the_same_rule(client, group):
    factories.make_market()
    client.force_login(factories.make_staff(group))
    page = client.get(reverse("admin:analytics_market_changelist")).content.decode()
    assert ("train_price" in page) == (group != "viewer")
    assert ("delete_quotes" in page) == (group != "viewer")
    assert "/admin/auth/user/" not in page
