"""The API's own pages: the OpenAPI document's, and those to browse it."""

from __future__ import annotations

import pytest

from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = "/api/v1/analytics/"


@pytest.mark.parametrize(
    ("width", "scheme", "language", "ground"),
    [
        (1400, "light", "en-US", "rgb(250, 250, 250)"),
        (1400, "dark", "en-US", "rgb(28, 32, 34)"),
        (390, "dark", "es-BO", "rgb(28, 32, 34)"),
    ],
)
def test_the_page_of_the_document_draws_every_call_and_axe_finds_nothing_serious(
    visit, width, scheme, language, ground
):
    made = visit(width, scheme, locale=language)
    made.page.goto(f"{made.base}{ROOT}docs")
    made.page.wait_for_selector(".opblock-tag-section .opblock")
    assert made.page.locator(".opblock").count() > 50
    assert made.page.locator("html").get_attribute("lang") == language[:2]
    made.page.locator("#operations-markets-markets_list button.opblock-summary-control").click()
    made.page.wait_for_selector("#operations-markets-markets_list .parameters")
    behind = made.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert behind == ground  # the colours are the scheme's
    assert made.serious() == []


@pytest.mark.parametrize("width", [1400, 390])
def test_the_document_is_read_without_a_word_to_elsewhere_and_axe_finds_nothing_serious(
    visit, width
):
    made = visit(width, locale="es-BO")
    made.page.goto(f"{made.base}{ROOT}redoc")
    made.page.wait_for_selector("#redoc h1")
    assert made.page.locator(
        "#redoc [data-section-id^='operation'], #redoc [id*='operation']"
    ).count()
    assert made.page.locator("html").get_attribute("lang") == "es"
    assert made.serious() == []


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
@pytest.mark.parametrize("path", ["", "markets", "prices", "dl/model-info", "alert-rules"])
def test_a_browsed_page_is_clean_for_axe_and_not_cut(visit, path, width, scheme):
    market = factories.make_market()
    factories.make_quotes(market, 30)
    made = visit(width, scheme, locale="es-BO")
    made.page.goto(f"{made.base}{ROOT}{path}")
    made.page.wait_for_selector(".response-info")
    assert made.serious() == []
    wider = "[...document.querySelectorAll('html, pre')].filter(e => e.scrollWidth > e.clientWidth)"
    assert made.page.evaluate(f"{wider}.length") == 0
    assert "Todos los recursos" in made.page.locator(".breadcrumb").inner_text()


def test_the_page_of_the_document_is_in_the_scheme_that_its_reader_chose(visit):
    made = visit(1400, "light")
    made.page.context.add_cookies([{"name": "theme", "value": "dark", "url": made.base}])
    made.page.goto(f"{made.base}{ROOT}docs")
    made.page.wait_for_selector("html.dark-mode .opblock")
