"""A posted sequence: what is taken, and how each wrong one is refused."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

import numpy as np
import pytest

from analytics.exceptions import InvalidInput
from analytics.models import TrainedModel
from analytics.services.prices import sequences
from analytics.services.prices.sequences import sequence_frame

NOW = dt.datetime(2026, 3, 1, 12, 17, tzinfo=dt.UTC)
MODEL = TrainedModel(
    task="anomaly", window=3, step_minutes=30, input_columns=["bid", "ask", "bid_volume"]
)
ROW = [6.9, 7.0, 100.0]


def refused(sequence, code="bad_sequence"):
    with pytest.raises(InvalidInput) as caught:
        sequence_frame(sequence, MODEL, now=NOW)
    assert caught.value.code == code
    return caught.value


def test_rows_of_numbers_end_now_and_are_one_step_apart():
    frame = sequence_frame([ROW] * 4, MODEL, now=NOW)
    assert list(frame.columns) == MODEL.input_columns
    assert frame.index[-1].isoformat() == "2026-03-01T12:00:00+00:00"
    assert (frame.index[1] - frame.index[0]) == dt.timedelta(minutes=30)


def test_objects_by_name_give_the_same_as_lists():
    named = [dict(zip(["ask", "bid", "bid_volume"], [7.0, 6.9, 100.0], strict=True))] * 3
    assert sequence_frame(named, MODEL, now=NOW).equals(sequence_frame([ROW] * 3, MODEL, now=NOW))


def test_objects_may_carry_their_own_times():
    rows = [{"bid": 7, "timestamp": f"2026-03-01T0{hour}:00:00Z"} for hour in (1, 2, 5)]
    frame = sequence_frame(rows, MODEL, now=NOW)
    assert frame.index[-1].isoformat() == "2026-03-01T05:00:00+00:00"
    assert math.isnan(frame["ask"].iloc[0])


def test_null_is_a_side_that_is_not_known():
    frame = sequence_frame([ROW, [None, 7.0, None], ROW], MODEL, now=NOW)
    assert math.isnan(frame["bid"].iloc[1])


@pytest.mark.parametrize("sequence", [None, "rows", 5, {"bid": 1}, True])
def test_what_is_not_a_list_is_refused(sequence):
    assert "sequence" in refused(sequence).fields


def test_a_short_sequence_says_how_many_rows_are_needed():
    error = refused([ROW], "sequence_too_short")
    assert error.details == {"needed": 3, "present": 1}
    refused([], "sequence_too_short")


def test_a_sequence_of_ten_million_rows_is_refused_before_it_is_looked_at():
    refused([0] * 10_000_000, "sequence_too_long")


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ([1.0, 2.0], "sequence.1"),
        ([1.0, 2.0, 3.0, 4.0], "sequence.1"),
        (["7", 7.0, 1.0], "sequence.1.bid"),
        ([float("nan"), 7.0, 1.0], "sequence.1.bid"),
        ([float("inf"), 7.0, 1.0], "sequence.1.bid"),
        ([10**400, 7.0, 1.0], "sequence.1.bid"),
        ([True, 7.0, 1.0], "sequence.1.bid"),
        ([0, 7.0, 1.0], "sequence.1.bid"),
        ([-1.0, 7.0, 1.0], "sequence.1.bid"),
        ([7.0, 7.0, -1.0], "sequence.1.bid_volume"),
        ([[7.0], 7.0, 1.0], "sequence.1.bid"),
        (7.0, "sequence.1"),
        ({}, "sequence.1"),
        ({"bid": 7.0, "colour": 1}, "sequence.1.colour"),
    ],
)
def test_a_wrong_row_is_named(row, field):
    assert field in refused([ROW, row, ROW]).fields


@pytest.mark.parametrize(
    "stamps",
    [
        ["2026-03-01T01:00:00Z", "2026-03-01T01:00:00Z", "2026-03-01T02:00:00Z"],
        ["2026-03-01T03:00:00Z", "2026-03-01T01:00:00Z", "2026-03-01T02:00:00Z"],
        ["2026-03-01T01:00:00Z", None, "2026-03-01T02:00:00Z"],
        ["2026-03-01T01:00:00Z", "noon", "2026-03-01T02:00:00Z"],
        ["2026-03-01T01:00:00Z", "2026-02-31T01:00:00Z", "2026-03-01T02:00:00Z"],
    ],
)
def test_times_that_do_not_rise_or_are_none_are_refused(stamps):
    error = refused([{"bid": 7, "timestamp": stamp} for stamp in stamps])
    assert "sequence.1.timestamp" in error.fields


def test_a_flood_of_mistakes_is_cut_short():
    assert len(refused([["x", "x", "x"]] * 1000).fields) <= 30


@pytest.mark.parametrize(
    ("task", "row", "named"),
    [("anomaly", [None, None, 5.0], "bid, ask"), ("price", [None, 7.0, 5.0], "bid")],
)
def test_a_sequence_without_a_price_is_the_senders_fault(task, row, named):
    model = TrainedModel(task=task, window=3, step_minutes=30, input_columns=MODEL.input_columns)
    with pytest.raises(InvalidInput) as caught:
        sequence_frame([row] * 4, model, now=NOW)
    assert caught.value.code == "bad_sequence"
    assert named in caught.value.fields["sequence"]


def some_sequence(rng: random.Random) -> list[Any]:
    """Rows of any kind, most of them fine, a few spoilt."""
    kind, count = rng.choice(["lists", "objects", "both"]), rng.randint(1, 12)
    rows: list[Any] = []
    for number in range(count):
        cells = [rng.choice([None, 7, 6.5, 1e15, 1e-9]) for _name in MODEL.input_columns]
        named = dict(zip(MODEL.input_columns, cells, strict=True))
        if rng.random() < 0.3:
            named = {name: value for name, value in named.items() if value is not None}
        if rng.random() < 0.5:
            named["timestamp"] = rng.choice([None, f"2026-03-01T{number:02}:00:00Z", 5])
        rows.append(cells if kind == "lists" or (kind == "both" and number % 2) else named)
    if rng.random() < 0.6:
        spoilt = rng.choice(rows)
        wrong = rng.choice(
            [0, -0.0, -1, True, "7", [7], {}, 10**400, 2**70, 1e16, math.nan, math.inf, 5e-324]
        )
        if isinstance(spoilt, list):
            spoilt[rng.randrange(3)] = wrong
        else:
            spoilt[rng.choice([*MODEL.input_columns, "colour"])] = wrong
    if rng.random() < 0.1:
        rows[rng.randrange(count)] = rng.choice([7, "row", None, [], {}, [7.0], [7.0] * 4])
    return rows


def test_rows_read_at_once_are_those_read_cell_by_cell():
    """Over many sequences; what is wrong is left to who names it."""
    rng, at_once, refused_too = random.Random(8), 0, 0
    for _turn in range(3000):
        rows = some_sequence(rng)
        quick = sequences._read_plain(rows, MODEL.input_columns)
        try:
            values, stamps = sequences._read_rows(rows, MODEL.input_columns)
        except InvalidInput:
            refused_too += 1
            assert quick is None, rows
            continue
        if quick is not None:
            at_once += 1
            np.testing.assert_array_equal(quick[0], values)
            assert quick[1] == stamps
    assert at_once > 500
    assert refused_too > 500


def test_plain_rows_are_read_at_once():
    named = [dict(zip(MODEL.input_columns, [6.9, None, 0], strict=True))] * 3
    for rows in ([ROW] * 3, named, [[6.9, None, 0]] * 3):
        assert sequences._read_plain(rows, MODEL.input_columns) is not None
