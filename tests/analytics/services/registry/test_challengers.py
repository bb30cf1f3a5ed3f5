"""Where champion and challenger meet, and what is decided on which figures."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

import ml
from analytics.pages.models import comparison_rows
from analytics.services.registry import challengers
from analytics.services.registry.challengers import MOST_ROWS, assess, decide, shared_window
from ml.evaluation.compare import Comparison
from ml.evaluation.significance import SignificanceTest
from tests.factories import make_market, make_model, make_quotes

DAY = dt.timedelta(days=1)


@pytest.fixture
def market(db):
    market = make_market()
    make_quotes(market, 10)
    return market


@pytest.fixture
def last(market):
    return market.prices.latest().timestamp


def version(market, last, *, learned, data, status="candidate", **fields):
    """Learned until `learned` days before the last quote, knew quotes until `data` days before."""
    return make_model(
        market,
        status=status,
        trained_until=last - learned * DAY,
        test_from=last - (learned - 1) * DAY,
        data_until=last - data * DAY,
        **fields,
    )


def figures(challenger, p_value, *, champion=1.0, higher=False):
    return {
        "active": champion,
        "difference": challenger - champion,
        "p_value": p_value,
        "higher_is_better": higher,
    }


@pytest.mark.parametrize(
    ("challenger", "p_value", "higher", "newer", "verdict", "better"),
    [
        (0.9, 0.01, False, False, "clearly_better", True),
        (1.1, 0.01, False, True, "clearly_worse", False),
        (0.9, 0.01, True, True, "clearly_worse", False),
        (1.1, 0.01, True, False, "clearly_better", True),
        (0.99, 0.6, False, True, "newer_and_not_worse", True),
        (1.01, 0.6, False, True, "newer_and_not_worse", True),
        (1.05, 0.6, False, True, "newer_and_not_worse", True),
        (1.05, 0.3, False, True, "newer_but_worse", False),
        (0.95, 0.3, True, True, "newer_but_worse", False),
        (1.05, None, False, True, "newer_but_worse", False),
        (0.95, 0.2, False, False, "not_clearly_better", False),
        (1.0, 1.0, False, False, "not_clearly_better", False),
        (0.9, None, False, False, "better_untested", True),
        (1.0, None, False, False, "not_better", False),
        (1.01, None, False, True, "newer_and_not_worse", True),
    ],
)
def test_the_policy(challenger, p_value, higher, newer, verdict, better):
    found = decide(figures(challenger, p_value, higher=higher), newer=newer)
    assert found == (verdict, better)


def test_they_meet_after_what_either_learned(market, last):
    champion = version(market, last, learned=40, data=30, status="active")
    challenger = version(market, last, learned=20, data=0)
    assert shared_window(challenger, champion) == (challenger.test_from, last)
    champion.trained_until = last - 5 * DAY
    assert shared_window(challenger, champion) == (last - 5 * DAY, last)


def test_of_a_long_stretch_the_newest_part_counts(market, last):
    champion = version(market, last, learned=400, data=390, status="active")
    challenger = version(market, last, learned=300, data=290)
    start, end = shared_window(challenger, champion)
    assert end - start == MOST_ROWS * dt.timedelta(minutes=30)


def test_a_champion_that_learned_later_leaves_nothing_to_meet_on(market, last):
    champion = version(market, last, learned=0, data=0, status="active")
    challenger = version(market, last, learned=30, data=10)
    found = assess(challenger, champion)
    assert (found["verdict"], found["better"]) == ("no_shared_window", False)
    assert found["from"] is None
    rows = dict(comparison_rows(found))
    assert f"{champion.trained_until:%Y-%m-%d %H:%M}" in rows["Note"]


def test_a_shorter_stretch_is_said(market, last, monkeypatch):
    monkeypatch.setattr(challengers, "compare", lambda *a: figures(0.9, 0.01) | {"challenger": 0.9})
    champion = version(market, last, learned=10, data=5, status="active")
    challenger = version(market, last, learned=20, data=0)
    found = assess(challenger, champion)
    assert found["champion_learned_until"] == champion.trained_until.isoformat()
    assert found["from"] == champion.test_from.isoformat()
    assert "champion_learned_until" not in assess(champion, challenger)


def test_a_version_below_its_baseline_meets_nobody(market, last):
    champion = version(market, last, learned=40, data=30, status="active")
    poor = version(market, last, learned=20, data=0, beats_baseline=False)
    assert assess(poor, champion)["verdict"] == "not_better_than_baseline"
    assert assess(champion, None)["verdict"] == "no_rival"
    assert assess(champion, champion)["better"]


@pytest.fixture
def pair(market, last, monkeypatch):
    monkeypatch.setattr(challengers, "predictor_of", lambda model: model)
    return (
        version(market, last, learned=20, data=0),
        version(market, last, learned=40, data=30, status="active"),
    )


def test_the_meeting_is_kept_with_its_figures(pair, last, monkeypatch):
    asked = {}

    def compare(champion, challenger, quotes, *, start, end):
        asked.update(champion=champion, rows=len(quotes), start=start, end=end)
        return Comparison(
            metric="crps",
            higher_is_better=False,
            start=start,
            end=end,
            test=SignificanceTest(
                method="diebold_mariano",
                n=700,
                champion=0.9,
                challenger=0.91,
                difference=0.01,
                statistic=0.4,
                p_value=0.7,
            ),
            horizons=(),
        )

    monkeypatch.setattr(ml, "compare_models", compare)
    challenger, champion = pair
    found = assess(challenger, champion)
    assert asked["champion"] == champion
    assert asked["rows"] == 10
    assert pd.Timestamp(found["from"]) == asked["start"]
    assert pd.Timestamp(found["until"]) == last
    assert (found["verdict"], found["better"], found["newer"]) == (
        "newer_and_not_worse",
        True,
        True,
    )
    assert (found["active"], found["challenger"], found["p_value"], found["n"]) == (
        0.9,
        0.91,
        0.7,
        700,
    )


@pytest.mark.parametrize(
    ("error", "verdict", "better"),
    [
        (ml.ArtifactMismatch("it wants an ask"), "rival_cannot_answer", True),
        (ml.NotEnoughData("nothing known", needed=1, present=0), "no_shared_window", False),
    ],
)
def test_what_cannot_be_measured_is_said(pair, monkeypatch, error, verdict, better):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(ml, "compare_models", fail)
    found = assess(*pair)
    assert (found["verdict"], found["better"], found["why"]) == (verdict, better, error.message)
