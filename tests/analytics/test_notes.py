"""What `ml` notes beside its answers is known here, and said in the reader's language."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.utils import timezone, translation

from analytics.notes import note
from ml.grid import missing_notes

ROOT = Path(__file__).resolve().parents[2]


def as_written(node: ast.expr) -> str:
    """A text with 7 in the place of every figure."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    assert isinstance(node, ast.JoinedStr)
    return "".join(str(v.value) if isinstance(v, ast.Constant) else "7" for v in node.values)


def written() -> list[str]:
    """Every note that the servers of forecasts and patterns append."""
    found = []
    for room in ("forecast", "pattern"):
        tree = ast.parse((ROOT / "ml" / room / "server.py").read_text())
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "notes.append":
                found.append(as_written(call.args[0]))
    return found


OTHERS = [
    *missing_notes(["bid_volume", "ask_offers"]),
    "the baseline answers: no network was asked",
    "the baseline answers: 40 quotes are fewer than the 1000 grid rows that a network learns from",
    "the robust baseline answers",
    "the robust baseline answers: 40 quotes are fewer than the 1000 of a network",
    "the trailing rule answers, not a network",
    "expired: the model knows no quote of the last 80 days",
    "expired: the model was trained 400 days ago",
    "prices are 10^-3 times as large from 2026-01-01 00:00 on (row 77); earlier prices are "
    "rescaled",
    "prices are 2.75 times as large from 2026-01-01 00:00 on (row 7); a training rescales what "
    "lies before",
]


def test_every_note_that_is_appended_is_found():
    assert len(written()) >= 9


@pytest.mark.parametrize("text", [*written(), *OTHERS])
def test_every_note_is_said_in_spanish_with_its_figures(text):
    with translation.override("es"):
        said = note(text)
    assert said.rstrip(".").lower() != text.rstrip(".").lower()
    assert said[0].isupper()
    assert said.endswith(".")
    assert "%" not in said.replace(" %", "")
    for figure in ("40", "1000", "10^-3", "2.75", "2026-01-01 00:00", "77"):
        spanish = "2,75" if figure == "2.75" else figure
        assert (figure in text) <= (spanish in said)


def test_figures_and_moments_are_the_reader_s():
    restless = "restless: the last days moved more than usual; intervals are 1.17 times as wide"
    with translation.override("es"), timezone.override("America/La_Paz"):
        assert "1,17 veces" in note(restless)
        assert "2,75 veces" in note(OTHERS[-1])
        assert "2025-12-31 20:00 UTC-4" in note(OTHERS[-1])
    assert "1.17 times" in note(restless)
    assert "2026-01-01 00:00 UTC" in note(OTHERS[-1])


def test_columns_are_called_by_their_names():
    with translation.override("es"):
        assert note(OTHERS[0]).startswith("Faltan volumen de compra, ofertas de venta")


def test_an_unknown_note_stands_for_itself():
    with translation.override("es"):
        assert note("the moon is full") == "The moon is full."
