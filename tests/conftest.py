"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real recordings, where this machine has it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared folder of real recordings is not on this machine")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def home(tmp_path, settings):
    """Artifacts and logs of a test lie in its own folder."""
    settings.ANALYTICS = {**settings.ANALYTICS, "HOME": tmp_path / "home"}
    return tmp_path / "home"
