"""The API's own pages: the OpenAPI document's, and those to browse it."""

from __future__ import annotations

import pytest

from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = "/api/v1/analytics/"


@pytest.mark.parametrize(("width", "language"), [(1400, "en-US"), (390, "es-BO")])
def test_the_page_of_the_document_draws_every_call_and_axe_finds_nothing_serious(
    visit, width, language
):
    made = visit(width, locale=language)
    made.page.goto(f"{made.base}{ROOT}docs")
    made.page.wait_for_selector(".opblock-tag-section .opblock")
    assert made.page.locator(".opblock").count() > 50
    assert made.page.locator("html").get_attribute("lang") == language[:2]
    made.page.locator("#operations-markets-markets_list button.opblock-summary-control").click()
    made.page.wait_for_selector("#operations-markets-markets_list .parameters")
    assert made.serious() == []


@pytest.mark.parametrize("path", ["", "markets", "prices", "dl/model-info"])
def test_a_browsed_page_is_clean_for_axe(visit, path):
    market = factories.make_market()
    factories.make_quotes(market, 30)
    made = visit(locale="es-BO")
    made.page.goto(f"{made.base}{ROOT}{path}")
    made.page.wait_for_selector(".response-info")
    assert made.serious() == []
