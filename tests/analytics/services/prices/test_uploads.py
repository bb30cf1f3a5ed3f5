"""Files that staff sent: bounded, kept for a day, found by their token alone."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from analytics.conf import conf
from analytics.exceptions import InvalidInput, NotFound
from analytics.models import ImportRun
from analytics.services.prices.uploads import (
    KEPT,
    upload_get,
    upload_store,
    uploads_sweep,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("quotes.csv", "quotes.csv"),
        ("mis cotizaciones (1).xlsx", "mis_cotizaciones_1.xlsx"),
        ("../../etc/passwd", "passwd"),
        ("C:\\files\\q.csv", "q.csv"),
        ("..", "file"),
        ("", "file"),
        (".csv", "csv"),
        ("año.csv", "año.csv"),
        ("😀.csv", "csv"),
        ("x" * 300 + ".csv", "x" * 56 + ".csv"),
    ],
)
def test_a_file_keeps_a_name_that_means_nothing_to_a_file_system(sent, kept):
    upload = upload_store(chunks=[b"a", b"b"], name=sent)
    assert upload.path == conf().uploads / upload.token / kept
    assert (upload.path.read_bytes(), upload.size) == (b"ab", 2)
    assert upload_get(upload.token) == upload


def test_what_is_too_large_or_empty_leaves_nothing_behind(settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "MAX_UPLOAD_MB": 1}
    megabyte = b"x" * 1024 * 1024
    assert upload_store(chunks=[megabyte], name="a").size == 1024 * 1024
    for chunks, code in (([megabyte, b"x"], "too_big"), ([], "empty_file")):
        with pytest.raises(InvalidInput) as caught:
            upload_store(chunks=chunks, name="b")
        assert caught.value.code == code
    assert len(list(conf().uploads.iterdir())) == 1


@pytest.mark.parametrize("token", ["", ".", "..", "0" * 32, "../artifacts", "*", "x" * 32])
def test_no_other_word_finds_a_file(token):
    upload_store(chunks=[b"a"], name="a")
    with pytest.raises(NotFound) as caught:
        upload_get(token)
    assert caught.value.code == "unknown_upload"


def test_files_are_swept_after_a_day_but_those_of_open_imports():
    old, needed = (upload_store(chunks=[b"a"], name="a") for _ in range(2))
    ImportRun.objects.create(upload=needed.token, name="a")
    assert uploads_sweep() == 0
    tomorrow = timezone.now() + KEPT + dt.timedelta(minutes=1)
    assert uploads_sweep(now=tomorrow) == 1
    assert upload_get(needed.token) == needed
    with pytest.raises(NotFound):
        upload_get(old.token)
    ImportRun.objects.update(status="succeeded")
    assert uploads_sweep(now=tomorrow) == 1
