"""The README's pictures: the tour's, in the repository, small."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.tour import MOST, NAMES, WIDTH

ROOT = Path(__file__).resolve().parent.parent
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("name", ["README.md", "README.es.md"])
def test_a_readme_shows_the_whole_tour_each_picture_after_a_line(name):
    text = (ROOT / name).read_text()
    shown = re.findall(r"^[^\n!]+\n!\[[^\]]+\]\(docs/tour-(\w+)\.png\)$", text, re.M)
    assert shown == list(NAMES)
    assert re.findall(r"!\[[^\]]*\]\(([^)]+\.png)\)", text) == [f"docs/tour-{n}.png" for n in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_as_wide_as_the_tour_takes_it_and_small(name):
    data = (ROOT / "docs" / f"tour-{name}.png").read_bytes()
    assert data.startswith(PNG)
    assert int.from_bytes(data[16:20], "big") == WIDTH
    assert len(data) < MOST


def test_no_picture_lies_about_that_nobody_shows():
    assert {path.name for path in (ROOT / "docs").glob("*.png")} == {
        f"tour-{name}.png" for name in NAMES
    }
