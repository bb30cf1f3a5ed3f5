"""The import page: what staff send is bounded, shown as it will be stored, asked about, done."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse_lazy as reverse
from django.utils import timezone

from analytics import queue
from analytics.conf import conf
from analytics.models import ImportRun, Market, PriceHistory
from analytics.services.jobs import imports
from analytics.services.prices.uploads import upload_store
from tests import factories

pytestmark = pytest.mark.django_db
SEND = reverse("analytics:import")
PLAIN = b"timestamp,bid,ask\n2025-01-01T00:00:00Z,6.91,6.95\n2025-01-01T00:30:00Z,6.92,6.96\n"
#: Decimal mark, order of day and month: neither is told by the file.
OPEN = b"fecha;precio\n01/02/2025 10:00;4.103\n03/02/2025 10:00;4.104\n"
NAMED = b"timestamp,asset,fiat,exchange,bid,ask\n2025-01-01T00:00:00Z,USDT,BOB,otc,6.91,6.95\n"


def page_of(upload, **asked) -> str:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return str(reverse("analytics:import-file", args=[upload.token])) + (query and f"?{query}")


def text(answer) -> str:
    return unescape(re.sub(r"\s+", " ", answer.content.decode()))


def send(client, body=PLAIN, name="q.csv", **more):
    return client.post(SEND, {"file": SimpleUploadedFile(name, body), **more})


def test_a_file_is_sent_looked_at_and_imported(admin_client):
    page = send(admin_client, market="USDT/BOB@page", name="mis datos.csv")
    assert page.status_code == 302
    assert not PriceHistory.objects.exists()
    shown = admin_client.get(page.url)
    assert "mis_datos.csv" in text(shown)
    assert ">2025-01-01 00:30:00</td>" in text(shown)
    assert ">6.92</td>" in text(shown)
    assert "USDT/BOB@page is a new market: it will be created." in text(shown)
    assert "2 rows read, 2 good, 0 rejected" in text(shown)
    assert not Market.objects.exists()
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown.content.decode()))
    assert {n: v for n, v in hidden.items() if n in ("market", "tz")} == {"market": "USDT/BOB@page"}
    done = admin_client.post(urlsplit(page.url).path, hidden, follow=True)
    assert PriceHistory.objects.count() == 2
    assert "succeeded" in text(done)
    assert "USDT/BOB@page" in text(done)
    run = ImportRun.objects.get()
    assert (run.requested_by.username, run.name) == ("admin", "mis_datos.csv")
    assert f"#{run.pk} mis_datos.csv" in text(admin_client.get(SEND))


def test_what_the_file_leaves_open_is_a_choice_between_its_readings(admin_client):
    upload = upload_store(chunks=[OPEN], name="o.csv")
    asked = {"market": "USDT/BOB@page"}
    stops = []
    for _round in range(3):
        page = admin_client.get(page_of(upload), asked)
        readings = re.findall(r'name="choose" value="([^"]+)"', page.content.decode())
        if not readings:
            break
        stops.append([unescape(one) for one in readings])
        assert "The file leaves this open" in text(page)
        assert "Import it as shown" not in text(page)
        chosen = admin_client.get(page_of(upload), {**asked, "choose": stops[-1][0]})
        asked = {name: found[0] for name, found in parse_qs(urlsplit(chosen.url).query).items()}
    assert sorted(one.split("=")[0] for stop in stops for one in stop[:1]) == [
        "date_format",
        "decimal",
    ]
    assert all(len(stop) >= 2 for stop in stops)
    assert {"market", "decimal", "date_format"} == asked.keys()
    assert "Import it as shown" in text(page)
    assert f'<option value="{asked["decimal"]}" selected>' in text(page)


def test_a_chosen_column_becomes_the_value_of_its_control(admin_client):
    body = b"fecha,compra,venta\n2025-01-01T00:00:00Z,6.95,\n2025-01-01T00:30:00Z,,6.91\n"
    upload = upload_store(chunks=[body], name="o.csv")
    asked = {"market": "USDT/BOB@page", "choose": "columns=bid=compra,ask=venta,side=lado"}
    address = admin_client.get(page_of(upload), asked).url
    found = {name: one[0] for name, one in parse_qs(urlsplit(address).query).items()}
    assert found == {
        "market": "USDT/BOB@page",
        "column_bid": "compra",
        "column_ask": "venta",
        "columns": "side=lado",
    }
    page = admin_client.get(page_of(upload, market="USDT/BOB@page", column_bid="compra"))
    assert '<option value="compra" selected>compra</option>' in text(page)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "ASSET/FIAT@exchange"),
        ({"market": "nonsense"}, "nonsense is no market."),
        ({"market": "A/B@c", "tz": "Mars/Olympus"}, "must be a zone such as America/La_Paz"),
        ({"market": "A/B@c", "columns": "bid"}, "must be written as bid=compra,ask=venta"),
        ({"market": "A/B@c", "column_bid": "nope"}, "There is no one column nope"),
        ({"market": "A/B@c", "delimiter": "x"}, "must be , ; | or tab"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_imported(admin_client, asked, said):
    upload = upload_store(chunks=[PLAIN], name="q.csv")
    page = admin_client.get(page_of(upload), asked)
    assert page.status_code == 200
    assert said in text(page)
    assert "Import it as shown" not in text(page)
    posted = admin_client.post(page_of(upload), asked)
    assert posted.url.startswith(page_of(upload))
    assert not ImportRun.objects.exists()


def test_a_file_that_names_its_market_creates_it_and_says_so(admin_client):
    factories.make_market("USDT/BOB@otc_la_paz")
    upload = upload_store(chunks=[NAMED], name="n.csv")
    page = text(admin_client.get(page_of(upload)))
    assert "USDT/BOB@otc is a new market: it will be created." in page
    assert "did you mean USDT/BOB@otc_la_paz?" in page
    done = text(admin_client.post(page_of(upload), follow=True))
    assert "created" in done
    assert Market.objects.filter(exchange="otc").exists()


def test_a_long_file_is_left_to_the_worker_shown_and_cancelled(admin_client, monkeypatch):
    monkeypatch.setattr(queue, "enqueue", lambda *message: None)
    monkeypatch.setattr(imports, "AT_ONCE_ROWS", 1)
    upload = upload_store(chunks=[PLAIN], name="q.csv")
    page = admin_client.post(page_of(upload), {"market": "A/B@c"}, follow=True)
    run = ImportRun.objects.get()
    assert f'data-runs="{run.pk}"' in text(page)
    assert "No worker is running" in text(page)
    part = reverse("analytics:import-progress", args=[run.pk])
    busy = {"status": "running", "heartbeat_at": timezone.now(), "host": "elsewhere"}
    ImportRun.objects.update(stage="writing", progress=0.25, done=500, **busy)
    assert 'value="25"' in text(admin_client.get(part))
    assert "500 rows" in text(admin_client.get(part))
    assert "writing" in text(admin_client.get(part))
    address = reverse("analytics:import-run", args=[run.pk])
    assert admin_client.post(page_of(upload), {"market": "A/B@c"}).url == address
    assert "cancelling" in text(admin_client.post(address, follow=True))
    run.refresh_from_db()
    assert run.cancel_requested


def test_rejects_are_told_and_can_be_taken_home(admin_client):
    body = PLAIN + b"2025-01-01T01:00:00Z,<b>x</b>,6.9\n"
    upload = upload_store(chunks=[body], name="q.csv")
    done = admin_client.post(page_of(upload), {"market": "A/B@c"}, follow=True)
    assert "1 × Bid: not a number" in text(done)
    assert "<b>x</b>" not in done.content.decode()
    run = ImportRun.objects.get()
    address = reverse("analytics:import-rejects", args=[run.pk])
    answer = admin_client.get(address)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="q.csv.rejects.csv"'
    assert b"<b>x</b>" in b"".join(answer.streaming_content)
    upload.rejects.unlink()
    assert admin_client.get(address).status_code == 404


def test_a_file_that_is_too_large_is_refused_before_it_is_read(admin_client, settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "MAX_UPLOAD_MB": 1}
    answer = send(admin_client, b"x" * (2 * 1024 * 1024))
    assert answer.status_code == 413
    assert "The file is larger than 1 MB." in text(answer)
    assert not conf().uploads.exists()
    # Within what a form may hold beside its file, the file itself is measured.
    assert send(admin_client, b"x" * (1024 * 1024 + 1)).status_code == 413


def test_no_file_and_an_empty_one_are_named(admin_client):
    assert "Choose a file." in text(admin_client.post(SEND))
    assert "q.csv is empty." in text(send(admin_client, b""))


@pytest.mark.parametrize("path", ["import/" + "0" * 32 + "/", "import/x/", "import/runs/7/"])
def test_what_is_not_there_is_not_found(admin_client, path):
    assert admin_client.get(f"/{path}").status_code == 404


def addresses() -> list[str]:
    upload = upload_store(chunks=[PLAIN], name="q.csv")
    run = ImportRun.objects.create(upload=upload.token, name="q.csv")
    names = ("import-run", "import-progress", "import-rejects")
    return [
        str(SEND),
        page_of(upload),
        *(str(reverse(f"analytics:{n}", args=[run.pk])) for n in names),
    ]


def test_staff_alone_see_it(client):
    for address in addresses():
        assert client.get(address).url.startswith("/admin/login/")
        assert client.post(address).status_code in (302, 405)
    client.force_login(get_user_model().objects.create_user("ana"))
    for address in addresses():
        assert client.get(address).status_code == 403
        assert client.post(address).status_code in (403, 405)
    assert not PriceHistory.objects.exists()
    assert set(ImportRun.objects.values_list("status", "cancel_requested")) == {("queued", False)}


def test_every_form_needs_its_token(admin_user):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)
    send_, look, run, *_reads = addresses()
    before = set(conf().uploads.iterdir())
    for address in (send_, look, run):
        assert strict.post(address, {"market": "A/B@c"}).status_code == 403
    assert set(conf().uploads.iterdir()) == before


def test_the_pages_speak_spanish(admin_client):
    headers = {"accept-language": "es"}
    upload = upload_store(chunks=[OPEN], name="o.csv")
    assert "Importar cotizaciones" in text(admin_client.get(SEND, headers=headers))
    asked = {"market": "USDT/BOB@page"}
    page = text(admin_client.get(page_of(upload), asked, headers=headers))
    assert "El archivo deja esto abierto" in page
    done = admin_client.post(
        page_of(upload), {**asked, "decimal": ".", "date_format": "dmy"}, headers=headers
    )
    assert "Cómo se leyó" in text(admin_client.get(done.url, headers=headers))
    in_english = admin_client.post(page_of(upload), {**asked, "decimal": ".", "date_format": "dmy"})
    told = text(admin_client.get(in_english.url, headers=headers))
    assert "separador: punto y coma" in told


def test_only_staff_are_shown_the_way(client, admin_client, django_user_model):
    link = f'href="{SEND}"'
    assert link in text(admin_client.get("/"))
    client.force_login(django_user_model.objects.create_user("ana"))
    assert link not in text(client.get("/"))


def test_the_preview_writes_figures_as_the_reader_does_and_names_no_option_of_a_command(
    admin_client,
):
    upload = upload_store(chunks=[b"time;bid;ask\n2025-01-13 10:00;6.91;6.95\n"], name="o.csv")
    asked = {"market": "USDT/BOB@page"}
    page = text(admin_client.get(page_of(upload), asked, headers={"accept-language": "es"}))
    assert ">6,91</td>" in page
    assert "si son locales, indique la suya" in page
    assert "--tz" not in page
    assert ">Compra</label>" in page


MESSY = (
    b"fecha;precio_compra;precio_venta\n2025-01-13T10:00:00Z;6.91;6.95\n"
    b"2025-01-13T11:00:00Z;seis;6.96\nayer;6.92;6.97\n2025-01-13T12:00:00Z;6.93;6.98\n"
)
#: How the command line and the API name columns; no page does.
INTERNAL = re.compile(r"\b(time|bid|ask|timestamp)(=|: )|--columns")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            [
                "time: fecha, buying price: precio_compra",
                "1 × Bid: not a number",
                "1 × Time: not an",
            ],
        ),
        (
            "es",
            ["hora: fecha, precio al comprar: precio_compra", "1 × Compra: ", "1 × Hora: no es"],
        ),
    ],
)
def test_columns_have_the_names_of_the_page_in_decisions_and_refusals(admin_client, language, said):
    upload = upload_store(chunks=[MESSY], name="o.csv")
    spoken = {"accept-language": language}
    address = page_of(upload, market="USDT/BOB@page")
    preview = text(admin_client.get(address, headers=spoken))
    admin_client.post(page_of(upload), {"market": "USDT/BOB@page"}, headers=spoken)
    done = ImportRun.objects.get()
    told = text(admin_client.get(reverse("analytics:import-run", args=[done.pk]), headers=spoken))
    for page in (preview, told):
        assert [words for words in said if words not in page] == []
        found = INTERNAL.findall(re.sub(r"<[^>]*>", "", page))
        assert language == "en" or found == []
    assert "bid: " in " ".join(done.report["reasons"])  # as the command line has it
