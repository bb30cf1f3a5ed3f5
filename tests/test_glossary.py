"""docs/glossary.md tells the truth: its names stand in the code, its words on the pages."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[1]
#: Names that the house used before, and the field's that took their place.
GONE = {
    "climate": "climatology",
    "repoll": "polling_augmentation",
    "rivals": "challengers",
    "Learnt": "ForecasterState",
    "Promise": "AlarmRateCalibration",
    "stale_after": "staleness_limit",
    "Verdict": "SignificanceTest",
}


def rows() -> list[list[str]]:
    """[term, meaning, names in code, text on pages, source] of every line."""
    lines = (ROOT / "docs" / "glossary.md").read_text().splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines if line[:1] == "|"]
    return [row for row in cells if row[0] != "term" and set(row[0]) != {"-"}]


def names_of(file: Path) -> set[str]:
    """Identifiers, texts, and the module's own name."""
    found: set[str] = {file.stem}
    for node in ast.walk(ast.parse(file.read_text())):
        for name in ("id", "attr", "name", "arg"):
            if isinstance(text := getattr(node, name, None), str):
                found.add(text)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


@pytest.fixture(scope="module")
def names() -> set[str]:
    files = [f for room in ("ml", "analytics", "p2p") for f in (ROOT / room).rglob("*.py")]
    return set().union(*(names_of(f) for f in files if "migrations" not in f.parts))


def test_every_line_has_a_term_once_a_meaning_and_a_name():
    terms = [row[0] for row in rows()]
    assert len(terms) == len(set(terms)) > 40
    assert all(len(row) == 5 and row[1] and "`" in row[2] and row[3] for row in rows())


def test_every_name_stands_in_the_code(names):
    listed = {name for row in rows() for name in re.findall(r"`([^`]+)`", row[2])}
    assert listed - names == set()


def test_every_display_name_is_a_text_that_pages_show_in_both_languages():
    with (ROOT / "locale" / "es" / "LC_MESSAGES" / "django.po").open("rb") as file:
        known = {str(message.id): message.string for message in read_po(file)}
    shown = {row[3] for row in rows()} - {"-"}
    assert {text for text in shown if not known.get(text)} == set()


@pytest.fixture(scope="module")
def definitions() -> dict[Path, set[str]]:
    files = [f for room in ("ml", "analytics", "p2p") for f in (ROOT / room).rglob("*.py")]
    return {f: defined(f) for f in files if "migrations" not in f.parts}


@pytest.mark.parametrize("old", GONE)
def test_a_name_that_was_replaced_is_gone(old, names, definitions):
    assert GONE[old] in names
    # Manifests of older artifacts keep their keys: those stand in texts that load them.
    assert [file for file, found in definitions.items() if old in found] == []


def defined(file: Path) -> set[str]:
    """Names of functions, classes, arguments and variables."""
    found: set[str] = {file.stem}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name):
            found.add(node.id)
    return found
