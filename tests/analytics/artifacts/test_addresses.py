"""PARALELO_ARTIFACT_STORAGE: one address, refused at the start where it cannot be right."""

from __future__ import annotations

import pytest
from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

from analytics import checks
from p2p import storages
from p2p.storages import storage_settings


def test_without_an_address_all_is_as_django_has_it():
    assert storage_settings("") == global_settings.STORAGES


def test_an_address_on_s3_says_where_and_never_who():
    pytest.importorskip("boto3", reason="boto3 is not installed (requirements-s3.txt)")
    made = storage_settings("s3://models/of/paralelo?endpoint_url=http://minio:9000")["artifacts"]
    assert made["OPTIONS"] == {
        "bucket_name": "models",
        "location": "of/paralelo",
        "endpoint_url": "http://minio:9000",
        "addressing_style": "path",
    }
    plain = storage_settings("s3://models?region_name=eu-west-1")["artifacts"]["OPTIONS"]
    assert plain == {"bucket_name": "models", "location": "", "region_name": "eu-west-1"}


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/shared", "must be file:///FOLDER or s3://BUCKET/PREFIX"),
        ("gs://models", "must be file:///FOLDER or s3://BUCKET/PREFIX"),
        ("s3://[models", "must be file:///FOLDER or s3://BUCKET/PREFIX"),
        ("file://shared", "whole path"),
        ("file:shared", "whole path"),
        ("s3:///prefix", "needs a bucket"),
        ("s3://key:hunter2@models", "needs a bucket and no keys"),
        ("s3://models?endpoint_url=http://key:hunter2@there", "needs a bucket and no keys"),
        ("s3://models?secret_key=hunter2", "does not know secret_key"),
        ("s3://models?endpoint_url=minio:9000", "endpoint_url must be"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_without_being_quoted(address, says):
    with pytest.raises(ImproperlyConfigured, match=says) as caught:
        storage_settings(address)
    assert "hunter2" not in str(caught.value)


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(storages, "find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=r"pip install -r requirements-s3\.txt"):
        storage_settings("s3://models")
    assert "artifacts" in storage_settings("file:///shared")


def test_a_shared_folder_that_is_not_there_is_refused(settings, tmp_path):
    settings.STORAGES = storage_settings(f"file://{tmp_path / 'shared'}")
    assert [error.id for error in checks.artifact_storage_is_there()] == ["analytics.E006"]
    (tmp_path / "shared").mkdir()
    assert checks.artifact_storage_is_there() == []
    settings.STORAGES = storage_settings("")
    assert checks.artifact_storage_is_there() == []
