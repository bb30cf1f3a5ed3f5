"""The API's pages for people: names of resources in both languages, and the way to a page."""

from __future__ import annotations

import re

import pytest
from django.utils.translation import override

from analytics.api import urls

pytestmark = pytest.mark.django_db


def names() -> dict[str, str]:
    """Name of an address -> how its page is headed, where a person browses it."""
    found = {}
    for pattern in urls.urlpatterns:
        view = getattr(pattern.callback, "cls", None)
        if pattern.name not in ("schema", "docs", "redoc"):
            initial = getattr(pattern.callback, "initkwargs", {})
            found[pattern.name] = str(view(**initial).get_view_name())
    return found


def crumbs(page) -> list[str]:
    part = page.content.decode().split('<ul class="breadcrumb">')[1].split("</ul>")[0]
    return re.findall(r"<a [^>]*>(.*?)</a>", part)


def test_every_page_has_a_name_that_is_translated():
    english = names()
    with override("es"):
        spanish = names()
    alike = {english[name] for name in english if english[name] == spanish[name]}
    assert alike == {"Token"}
    assert [n for n in english.values() if re.search(r" (List|Instance)$", n)] == []
    assert english["market-list"] == "Markets"
    assert english["market-detail"] == "Market"
    assert spanish["market-list"] == "Mercados"


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("", ["All resources"]),
        ("markets", ["All resources", "Markets"]),
        ("markets/{pk}/audit", ["All resources", "Markets", "Market", "Data audit"]),
        ("dl/predict-price", ["All resources", "Forecast the price"]),
        ("nothing/here", ["All resources", "Unknown address"]),
    ],
)
def test_the_way_to_a_page_holds_pages_alone(api, market, path, way):
    page = api.get(path.format(pk=market.pk), accept="text/html")
    assert crumbs(page) == way
    assert f"<h1>{way[-1]}</h1>" in page.content.decode()


def test_a_browsed_page_speaks_spanish_and_wears_the_reader_s_theme(api, market):
    api.client.cookies["theme"] = "dark"
    headers = {"accept": "text/html", "accept-language": "es"}
    page = api.get(f"markets/{market.pk}/", **headers)
    html = page.content.decode()
    assert '<html lang="es" data-theme="dark">' in html
    assert "Formato:" in html
    assert "Contenido:" in html
    assert "request on the" not in html


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_document_can_be_read_with_redoc_from_this_server(api, slash):
    page = api.get(f"redoc{slash}", accept="text/html")
    assert page.status_code == 200
    assert b"/static/drf_spectacular_sidecar/redoc/" in page.content
    assert re.findall(rb"(?:src|href)=\"(?:https?:)?//", page.content) == []
    assert b"<script>" not in page.content
