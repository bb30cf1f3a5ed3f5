"""The pages of alerts in a real browser, entered by the form of the login: a rule is tried on
history before it is kept, a channel's failed message stands there."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from analytics.models import AlertRule
from analytics.services.alerting import channels
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def market():
    market = factories.make_market("USDT/VES@a_venue_with_a_name_p2p")
    factories.make_crossing(market)
    return market


@pytest.fixture
def channel():
    """One with a message that it could not send."""
    return factories.make_dead_delivery("The address did not answer within ten seconds.").channel


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
