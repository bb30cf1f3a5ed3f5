"""Where artifacts lie for all hosts, by one address: nothing (each host's own folder),
`file:///shared/folder` or `s3://bucket/prefix?endpoint_url=...`. Fills Django's STORAGES."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured

_NAME = "PARALELO_ARTIFACT_STORAGE"
#: What Django has where STORAGES is not set.
_USUAL = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
#: Of an s3 address, after the question mark. Keys are never in it: they come from the environment.
_S3_OPTIONS = ("endpoint_url", "region_name", "addressing_style")


def storage_settings(address: str) -> dict[str, dict[str, Any]]:
    """STORAGES with an `artifacts` of that address, without one where it is empty. No message
    quotes the address: somebody may have put a password into it."""
    if not address:
        return _USUAL
    try:
        found = urlsplit(address)
        made = {"file": _files, "s3": _s3}[found.scheme](found)
    except (KeyError, ValueError):
        raise ImproperlyConfigured(
            f"{_NAME} must be file:///FOLDER or s3://BUCKET/PREFIX."
        ) from None
    return {**_USUAL, "artifacts": made}


def _files(found: SplitResult) -> dict[str, Any]:
    if found.netloc or found.query or not Path(found.path).is_absolute():
        raise ImproperlyConfigured(f"{_NAME} must name a whole path: file:///FOLDER.")
    options = {"location": found.path, "allow_overwrite": True}
    return {**_USUAL["default"], "OPTIONS": options}


def _s3(found: SplitResult) -> dict[str, Any]:
    options = dict(parse_qsl(found.query, strict_parsing=True)) if found.query else {}
    endpoint = urlsplit(options.get("endpoint_url", "https://default"))
    if not found.netloc or "@" in found.netloc + endpoint.netloc:
        raise ImproperlyConfigured(
            f"{_NAME} needs a bucket and no keys: s3://BUCKET/PREFIX. Keys are read from "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or as boto3 finds them."
        )
    if unknown := sorted(set(options) - set(_S3_OPTIONS)):
        raise ImproperlyConfigured(
            f"{_NAME} does not know {', '.join(unknown)}; it knows {', '.join(_S3_OPTIONS)}."
        )
    if endpoint.scheme not in ("http", "https") or not endpoint.hostname:
        raise ImproperlyConfigured(f"{_NAME}: endpoint_url must be http(s)://HOST[:PORT].")
    if find_spec("storages") is None or find_spec("boto3") is None:
        raise ImproperlyConfigured(
            f"{_NAME} is on S3, whose packages are missing: pip install -r requirements-s3.txt"
        )
    if "endpoint_url" in options:
        # Servers of one's own seldom have a host name per bucket.
        options = {"addressing_style": "path", **options}
    where = {"bucket_name": found.netloc, "location": found.path.strip("/")}
    return {"BACKEND": "p2p.s3.Patient", "OPTIONS": {**where, **options}}
