"""A storage for all hosts (S3 spoken to a real server, and a shared folder), and hosts."""

from __future__ import annotations

import hashlib
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import Storage, storages

from analytics import artifacts
from analytics.artifacts import keeping, storage
from analytics.services.registry import serving
from p2p.storages import storage_settings
from tests.s3_server import BUCKET, KEYS, free_port, s3_server

STATE = next((Path(__file__).parents[2] / "data").glob("state-4a12cbd.tar.gz"))
NAME = "price-1-run1-1"


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture
def use(settings, monkeypatch) -> Callable[[str], None]:
    """Let artifacts lie at that address; "" is where there is none."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(storage, "FIRST_WAIT", 0.0)
    monkeypatch.setattr(keeping, "_failed", {})

    def used(address: str) -> None:
        settings.STORAGES = storage_settings(address)

    return used


@pytest.fixture
def nowhere() -> str:
    """An address that nobody listens at."""
    return f"s3://{BUCKET}?endpoint_url=http://127.0.0.1:{free_port()}&region_name=us-east-1"


@pytest.fixture(params=["s3", "file"])
def address(request, tmp_path, use) -> str:
    """A new storage, in use."""
    found = f"file://{tmp_path / 'shared'}"
    if request.param == "s3":
        server = request.getfixturevalue("s3")
        prefix = uuid.uuid4().hex
        found = f"s3://{BUCKET}/{prefix}?endpoint_url={server}&region_name=us-east-1"
    (tmp_path / "shared").mkdir()
    use(found)
    return found


@pytest.fixture
def store(address) -> Storage:
    return storages["artifacts"]


@pytest.fixture
def on_host(settings, tmp_path) -> Callable[[str], Path]:
    """Be another host from here on: with a home and a memory of its own."""

    def be(host: str) -> Path:
        settings.ANALYTICS = {**settings.ANALYTICS, "HOME": tmp_path / host}
        serving.load_predictor.cache_clear()
        keeping._failed.clear()
        return tmp_path / host / "artifacts"

    return be


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Path:
    """A real artifact of a price."""
    folder = tmp_path_factory.mktemp("trained")
    with tarfile.open(STATE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "artifacts" / NAME


@pytest.fixture
def staged(trained) -> Callable[..., Path]:
    """The real artifact, or a small one, as a training leaves it."""

    def make(real: bool = False) -> Path:
        folder = artifacts.stage(f"run-{uuid.uuid4().hex[:6]}-1")
        files = {"manifest.json": b"{}", "weights.safetensors": b"0" * 100}
        if real:
            files = {path.name: path.read_bytes() for path in trained.iterdir()}
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return folder

    return make


@pytest.fixture
def facts(trained) -> dict[str, Any]:
    """What the row of the real artifact says of it."""
    manifest = (trained / "manifest.json").read_bytes()
    return {"artifact": NAME, "checksum": hashlib.sha256(manifest).hexdigest()}
