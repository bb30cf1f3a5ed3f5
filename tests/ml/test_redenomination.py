"""A currency that lost zeros: named with its row and rescaled, never ahead of its time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ml
from ml.redenomination import CONFIRM, find_redenominations, rescaled
from tests.markets import wandering_market as make_quotes

SMALL = {"epochs": 1, "hidden": 8, "width": 16, "members": 1, "batch_size": 128}
ROWS, BREAK = 1900, 1600


def broken(factor: float, *, at: int = BREAK, rows: int = ROWS) -> pd.DataFrame:
    quotes = make_quotes(rows)
    quotes.iloc[at:] *= factor
    return quotes


@settings(max_examples=30, deadline=None)
@given(power=st.sampled_from([-9, -6, -5, -3, -2, -1, 1, 2, 3, 6]), at=st.integers(20, 1880))
def test_a_power_of_ten_is_found_at_its_row(power, at):
    found = find_redenominations(broken(10.0**power, at=at))
    assert [(one.row, one.power, one.factor) for one in found] == [(at, power, 10.0**power)]
    assert f"10^{power}" in found[0].text
    assert f"row {at}" in found[0].text


@pytest.mark.parametrize("factor", [0.3, 2.75, 27.0])
def test_any_large_jump_that_later_quotes_keep_is_found(factor):
    (one,) = find_redenominations(broken(factor))
    assert one.row == BREAK
    assert one.power is None
    assert one.factor == pytest.approx(factor, rel=0.05)


def test_two_in_a_row_are_two():
    quotes = broken(1e-3)
    quotes.iloc[300:] *= 1e-2
    assert [(one.row, one.power) for one in find_redenominations(quotes)] == [(300, -2), (1600, -3)]


def test_faults_trends_and_pauses_are_none():
    quotes = make_quotes(ROWS)
    typo = quotes.copy()
    typo.iloc[900:904] *= 1000.0
    typo.iloc[1200, 0] = 0.0
    typo.iloc[-3:] *= 100.0  # nobody can know yet
    trend = quotes.mul(np.exp(np.linspace(0, 6, ROWS)), axis=0)
    pause = pd.concat([quotes.iloc[:900], quotes.iloc[900:].mul(3).shift(freq="200D")])
    for frame in (quotes, typo, trend, pause):
        assert find_redenominations(frame) == ()
        assert rescaled(frame, ()) is frame


def test_what_is_rescaled_is_the_market_without_the_jump():
    quotes = broken(1e-6)
    whole = rescaled(quotes, find_redenominations(quotes))
    pd.testing.assert_frame_equal(whole, make_quotes(ROWS) * 1e-6, rtol=1e-12)


def test_no_row_after_it_is_known_changes_what_is_found():
    quotes = broken(2.75)
    (one,) = find_redenominations(quotes)
    last = quotes.index.get_loc(pd.Timestamp(one.known_at))
    assert last == BREAK + CONFIRM - 1
    assert find_redenominations(quotes.iloc[: last + 1]) == (one,)
    assert find_redenominations(quotes.iloc[:last]) == ()


def test_the_audit_names_it():
    (found,) = [f for f in ml.audit_quotes(broken(1e-3)).findings if f.code == "redenomination"]
    assert "10^-3" in found.text
    assert "row 1600" in found.text


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> ml.TrainReport:
    folder = tmp_path_factory.mktemp("broken")
    return ml.DLModelTrainer(folder, device="cpu").train("price", broken(1e-3, at=1000), **SMALL)


def test_a_training_rescales_and_says_so(report, tmp_path):
    plain = ml.DLModelTrainer(tmp_path, device="cpu").train(
        "price", make_quotes(ROWS) * 1e-3, **SMALL
    )
    assert report.score == pytest.approx(plain.score, rel=1e-3)
    assert "10^-3" in report.notes[0]
    assert ml.read_manifest(report.folder)["notes"] == list(report.notes)
    assert plain.notes == ()
    assert "notes" not in ml.read_manifest(plain.folder)


def test_answers_after_it_are_in_the_new_unit_and_say_so(report):
    model = ml.DLPredictor.load(report.folder)
    quotes = broken(1e-3)
    for source in ml.Source:
        new = model.predict_price(quotes, source=source)
        whole = model.predict_price(make_quotes(ROWS) * 1e-3, source=source)
        for ours, theirs in zip(new.horizons, whole.horizons, strict=True):
            for level, value in ours.quantiles.items():
                assert value == pytest.approx(theirs.quantiles[level], rel=1e-5)
        assert "earlier prices are rescaled" in new.notes[-1]


def test_many_moments_around_it_are_answered_as_each_one_was(report):
    model = ml.DLPredictor.load(report.folder)
    quotes = broken(1e-3)
    places = [BREAK - 30, BREAK - 1, BREAK + 2, BREAK + 20]
    batch = model.forecast_batch(quotes, quotes.index[places])
    for line, place in enumerate(places):
        one = model.predict_price(quotes, at=quotes.index[place].to_pydatetime())
        ours = [list(h.quantiles.values()) for h in one.horizons]
        np.testing.assert_allclose(batch.answer.quantiles[line], ours, rtol=1e-5)


@pytest.mark.parametrize("nothing", [0.0, -1.0, np.nan])
def test_a_price_of_nothing_hides_no_jump_and_makes_none(nothing):
    quotes = broken(1000.0)
    quotes.iloc[[3, 1700]] = nothing
    assert [one.row for one in find_redenominations(quotes)] == [BREAK]
    steady = broken(1.0)
    steady.iloc[[3, 1700]] = nothing
    assert find_redenominations(steady) == ()
