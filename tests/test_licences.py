"""docs/licences.md names what is needed; `make licences` writes it."""

from __future__ import annotations

import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy import licences

#: Files of what only builds, tests, compares or releases.
NOT_SERVED = {f"requirements-{name}.txt" for name in ("dev", "bench", "release")}


def sections() -> dict[str, str]:
    """File of requirements -> its part of the document."""
    text = (licences.ROOT / "docs/licences.md").read_text()
    _head, *parts = re.split(r"^## (requirements\S*)\n", text, flags=re.M)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_file_that_a_server_may_need_has_its_heading():
    files = {path.name for path in licences.ROOT.glob("requirements*.txt")}
    assert set(sections()) == set(licences.FILES) == files - NOT_SERVED


@pytest.mark.parametrize("file", licences.FILES)
def test_every_requirement_is_listed_with_a_licence(file):
    names = licences.required(file)
    assert names
    missing = [
        name
        for name in names
        if f"| **{canonicalize_name(name)}** | {metadata.version(name)} |" not in sections()[file]
    ]
    assert missing == [], "make licences"


def test_a_licence_is_its_expression_where_there_is_one():
    assert licences.licence(metadata.distribution("Django")) == "BSD-3-Clause"


def test_what_they_need_in_turn_is_listed_once():
    listed = (licences.ROOT / "docs/licences.md").read_text()
    assert listed.count("| asgiref |") == 1  # Django's
    assert "| pytest |" not in listed
    assert "| python-dateutil |" in listed
    needed = re.findall(r"^\| ([\w.-]+) \| \d", listed, re.M)
    assert len(needed) == len(set(needed))


def test_a_package_that_several_files_name_has_one_version():
    found: dict[str, set[str]] = {}
    for file in licences.ROOT.glob("requirements*.txt"):
        lines = (line.partition("#")[0].strip() for line in file.read_text().splitlines())
        for one in (Requirement(line) for line in lines if line and not line.startswith("-")):
            found.setdefault(canonicalize_name(one.name), set()).add(str(one.specifier))
    assert {name: pins for name, pins in found.items() if len(pins) > 1} == {}


def locked() -> dict[str, tuple[str, int]]:
    """Package -> its version in requirements.lock, and how many files it may come in."""
    text = (licences.ROOT / "requirements.lock").read_text()
    entries = re.findall(
        r"^([\w.-]+)==([^ ;]+).*((?:\n    --hash=sha256:[0-9a-f]{64}.*)*)", text, re.M
    )
    return {name: (version, hashes.count("--hash")) for name, version, hashes in entries}


def test_the_lock_has_each_requirement_at_its_version():
    lines = (licences.ROOT / "requirements.txt").read_text().splitlines()
    fixed = [Requirement(line) for line in lines if line and not line.startswith("#")]
    found = locked()
    wrong = [
        str(one)
        for one in fixed
        if one.name != "torch"
        and not one.specifier.contains(found.get(canonicalize_name(one.name), ("0", 0))[0])
    ]
    assert wrong == [], "make lock"
    assert "torch" not in found  # its builds differ by index


def test_every_locked_package_has_the_sum_of_a_file():
    found = locked()
    assert len(found) > 80
    assert [name for name, (_version, files) in found.items() if not files] == []
