"""docs/licences.md names what is needed; `make licences` writes it."""

from __future__ import annotations

from importlib import metadata

from packaging.utils import canonicalize_name

from deploy import licences


def test_every_requirement_is_listed_with_a_licence():
    listed = (licences.ROOT / "docs/licences.md").read_text()
    names = licences.required()
    assert len(names) > 20
    missing = [
        name
        for name in names
        if f"| **{canonicalize_name(name)}** | {metadata.version(name)} |" not in listed
    ]
    assert missing == [], "make licences"
    assert licences.licence(metadata.distribution("Django")) == "BSD-3-Clause"


def test_what_they_need_in_turn_is_listed_once():
    listed = (licences.ROOT / "docs/licences.md").read_text()
    assert listed.count("| asgiref |") == 1  # Django's
    assert "| pytest |" not in listed
