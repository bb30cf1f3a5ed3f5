"""The pages of alerts in a real browser, entered by the form of the login: a rule is tried on
history before it is kept, a channel's failed message stands there."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from analytics.models import AlertDelivery, AlertRule
from analytics.services.alerting import channels
from analytics.services.prices.single import quote_add
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def market():
    """Its ask crossed 11 once, four days ago."""
    market = factories.make_market("USDT/VES@a_venue_with_a_name_p2p")
    now = timezone.now()
    for day, ask in ((5, 10.0), (4, 12.0), (3, 10.0)):
        at = now - dt.timedelta(days=day)
        quote_add(market=market, timestamp=at, figures={"bid": ask - 0.1, "ask": ask})
    return market


@pytest.fixture
def channel():
    """One with a message that it could not send."""
    made = channels.channel_create(name="the log", kind="log")
    AlertDelivery.objects.create(
        key="k",
        channel=made,
        kind="test",
        rule_name="test",
        happened_at=timezone.now(),
        due_at=timezone.now(),
        status="dead",
        error="The address did not answer within ten seconds.",
    )
    return made


def sign_in(made) -> None:
    """As somebody who comes to a page of theirs and is asked who they are."""
    get_user_model().objects.create_superuser("ana", password="a long phrase")
    made.page.context.clear_cookies(name="sessionid")
    made.page.goto(made.base + reverse("analytics:alerts"))
    assert made.serious() == []
    made.page.fill("#id_username", "ana")
    made.page.fill("#id_password", "a long phrase")
    made.page.keyboard.press("Enter")
    made.page.wait_for_url(made.base + reverse("analytics:alerts"))


@pytest.mark.parametrize(
    ("width", "scheme", "locale", "fired"),
    [
        (1400, "light", "en-US", "It would have fired 1 time"),
        (390, "dark", "es-BO", "Habría avisado 1 vez"),
    ],
)
def test_a_rule_is_tried_on_history_and_kept(visit, market, channel, width, scheme, locale, fired):
    made = visit(width, scheme, locale=locale)
    page = made.page
    sign_in(made)
    made.open(reverse("analytics:alert-rule-new"))
    page.select_option("#kind", "level")
    page.locator("main form button").first.click()
    page.wait_for_url("**kind=level**")
    page.fill("#name", "dear")
    page.fill("#p_level", "11")
    page.locator("button[value=try]").click()
    page.wait_for_selector("#tried")
    assert fired in page.locator("section[aria-labelledby=tried]").inner_text()
    assert (made.serious(), made.cut()) == ([], [])
    assert not AlertRule.objects.exists()
    page.locator("button[value=save]").click()
    page.wait_for_url(made.base + reverse("analytics:alerts"))
    assert "dear" in page.locator("main").inner_text()
    assert (made.serious(), made.cut()) == ([], [])
    assert AlertRule.objects.get().params["level"] == 11


@pytest.mark.parametrize(
    ("width", "scheme", "locale"), [(1400, "dark", "es-BO"), (390, "light", "en-US")]
)
def test_a_page_for_each_kind_of_channel_is_clean_and_not_cut(
    visit, market, channel, width, scheme, locale
):
    made = visit(width, scheme, locale=locale)
    for kind in ("", *(kind["name"] for kind in channels.channel_kinds_described())):
        made.open(f"{reverse('analytics:alert-channel-new')}?kind={kind}")
        assert (made.serious(), made.cut()) == ([], []), kind
