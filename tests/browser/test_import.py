"""The import page in a browser: from the file to the report, at any width, light and dark."""

from __future__ import annotations

import pytest

from analytics.models import PriceHistory

OPEN = b"fecha;compra;venta\n01/02/2025 10:00;4,103;4,203\n03/02/2025 10:00;4,104;4,204\n"


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1400, "light")])
def test_a_file_goes_in_with_two_choices_and_a_report(visit, width, scheme):
    at = visit(width=width, scheme=scheme)
    page = at.page
    at.open("/import/")
    assert (at.serious(), at.cut()) == ([], [])
    page.set_input_files("#file", {"name": "q.csv", "mimeType": "text/csv", "buffer": OPEN})
    page.fill("#market", "USDT/BOB@page")
    page.click("main button[type=submit]")
    for _choice in range(2):
        page.wait_for_selector(".readings button")
        assert (at.serious(), at.cut()) == ([], [])
        page.click(".readings button")
    page.wait_for_selector("button.main")
    assert (at.serious(), at.cut()) == ([], [])
    page.click("button.main")
    page.wait_for_selector("#report")
    assert (at.serious(), at.cut()) == ([], [])
    assert PriceHistory.objects.count() == 2
