"""Every form that the admin lets people fill in, in a real browser: labelled, and not cut."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.signing import SignedPackage
from rest_framework.authtoken.models import TokenProxy

from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
#: Names of what a person fills in and nothing labels.
UNLABELLED = """() => [...document.querySelectorAll('#content-main :is(input, select, textarea)')]
    .filter(e => e.type !== 'hidden' && e.type !== 'submit')
    .filter(e => !e.labels.length && !e.ariaLabel && !e.getAttribute('aria-labelledby'))
    .map(e => e.name)"""


def rows() -> dict[type, Any]:
    """A row of each table that is changed by hand."""
    market, person = factories.make_market(), User.objects.create_user("reader")
    now = timezone.now()
    task = {"func": "a.b", "started": now, "stopped": now}
    made = (
        *(market, person, factories.make_source(market)),
        *(Group.objects.create(name="readers"), TokenProxy.objects.create(user=person)),
        *(Schedule.objects.create(name="look", func="a.b"),),
        Success.objects.create(id="1" * 32, name="one", success=True, **task),
        Failure.objects.create(id="2" * 32, name="two", success=False, **task),
        OrmQ.objects.create(key="q", lock=now, payload=SignedPackage.dumps({"id": "3", **task})),
    )
    return {type(row): row for row in made}


def forms() -> list[str]:
    """Addresses of every form that a superuser may fill in; none may be left out."""
    request = RequestFactory().get("/")
    request.user = User(username="x", is_active=True, is_staff=True, is_superuser=True)
    made, addresses = rows(), []
    for model, shown in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        if shown.has_add_permission(request):
            addresses.append(reverse(f"{name}_add"))
        if shown.has_change_permission(request):
            addresses.append(reverse(f"{name}_change", args=[made[model].pk]))
    return addresses


@pytest.mark.parametrize(
    ("width", "scheme", "locale"), [(1400, "light", "en"), (390, "dark", "es")]
)
def test_every_form_of_the_admin_is_labelled_and_fits(visit, width, scheme, locale):
    made = visit(width, scheme, locale=locale)
    addresses = forms()
    assert len(addresses) >= 10
    found = {}
    for path in addresses:
        made.open(path)
        wrong = [*made.serious(), *made.page.evaluate(UNLABELLED)]
        wrong += made.cut()
        if wrong:
            found[path] = wrong
    assert found == {}, found


@pytest.mark.parametrize(("width", "locale"), [(1400, "es"), (390, "en")])
def test_no_list_of_the_admin_is_cut(visit, width, locale):
    """All columns of a row are seen without moving the list; a phone has them one below another,
    each by its name."""
    market = factories.make_market("USDT/VES@a_venue_p2p")
    factories.make_quotes(market, 3)
    detector, namer = (factories.make_model(market, task) for task in ("anomaly", "pattern"))
    factories.make_anomaly(detector)
    factories.make_pattern(namer)
    forecast = factories.make_forecast(factories.make_model(market))
    factories.make_score(forecast)
    factories.make_run(market, "price", "running", epoch=3, epochs=4)
    factories.make_backtest(market)
    rows()
    made = visit(width, locale=locale)
    found = {}
    for model in admin.site._registry:
        path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        made.open(path)
        if cut := made.cut():
            found[path] = cut
    assert found == {}, found
    made.open(reverse("admin:analytics_trainingrun_changelist"))
    cell = made.page.locator("#result_list .field-task").first
    named = cell.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert named == ('"Task"' if width == 390 else "none")


def test_a_moment_s_date_and_hour_are_reached_by_their_names(visit):
    path = reverse("admin:django_q_schedule_change", args=[rows()[Schedule].pk])
    made = visit(locale="es")
    made.open(path)
    assert made.page.get_by_label("Fecha:").get_attribute("name") == "next_run_0"
    assert made.page.get_by_label("Hora:").get_attribute("name") == "next_run_1"
