"""Figures of messages in the reader's marks, and the chart that goes with them."""

from __future__ import annotations

import numpy as np
import pytest
from django.utils import translation

from analytics.alerts.picture import chart
from analytics.alerts.rules import get_kind
from analytics.alerts.wording import figure, percent

CROSSED = {"figure": "price", "value": 11.3, "direction": "above", "level": 9864.5}


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "price 11.3 is above 9,864.5"), ("es", "precio 11,3 está por encima de 9.864,5")],
)
def test_figures_of_a_message_have_the_marks_of_its_language(language, said):
    with translation.override(language):
        assert get_kind("level").words(CROSSED) == said


def test_percent_and_large_figures_have_them_too():
    with translation.override("es"):
        assert (percent(-1.5), figure(1234567.0), figure(None)) == ("-1,50 %", "1.234.567", "–")
        assert figure(0.0000123456) == "0,0000123456"


def test_the_prices_of_an_arbitrage_are_whole_and_have_them_too():
    values = {"value": 1.25, "route": "USDT/COP@here (4102.5) → BTC/COP@there (412000000)"}
    with translation.override("es"):
        said = get_kind("arbitrage").words(values)
    assert said.endswith("USDT/COP@here (4.102,5) → BTC/COP@there (412.000.000)")


def drawn(language: str = "en", **how) -> bytes:
    at = 1.78e9 + 1800 * np.arange(48.0)
    with translation.override(language):
        return chart("USDT/BOB", at, {"bid": np.linspace(9.31, 9.72, 48)}, mark=at[40], **how)


def test_the_chart_is_in_the_language_and_the_hours_of_the_channel():
    pictures = [drawn(), drawn("es"), drawn(zone="America/La_Paz")]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert len(set(pictures)) == 3
    assert drawn() == pictures[0]


def test_there_is_no_chart_of_a_single_quote():
    assert chart("USDT/BOB", np.array([1.78e9]), {"bid": np.array([9.3])}, mark=1.78e9) is None
