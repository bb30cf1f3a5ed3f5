"""django-storages' S3 with limits of our own; imported where artifacts lie on S3 only."""

from __future__ import annotations

from typing import Any

from botocore.config import Config
from storages.backends.s3 import S3Storage

#: Seconds until a connection counts as refused, and until silence on it ends it; tries in all.
#: botocore's own (60, 60, 5) would keep whoever asks for a forecast waiting for minutes.
CONNECT, READ, TRIES = 3, 15, 2


class Patient(S3Storage):
    """For so long only; keys, region and further endpoints are found as boto3 finds them."""

    def __init__(self, *, addressing_style: str = "auto", **options: Any) -> None:
        limits = Config(
            connect_timeout=CONNECT,
            read_timeout=READ,
            retries={"mode": "standard", "total_max_attempts": TRIES},
            s3={"addressing_style": addressing_style},
        )
        super().__init__(client_config=limits, default_acl=None, file_overwrite=True, **options)
