"""The golden answers: what counts as a difference, and that luck and folders leave no trace."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.golden.compare import Comparison
from bench.golden.plain import masked, plain, table_of


def differing(old, new, **options) -> list[str]:
    """Paths of the unexplained differences."""
    comparison = Comparison(**options)
    comparison.values(old, new, path="x")
    return [found.path for found in comparison.outcome.unexplained]


ANSWER = {"price": 9.31, "rows": [1, 2, {"kind": "spike", "open": True}], "note": None}


def test_an_answer_equals_itself():
    assert differing(ANSWER, json.loads(json.dumps(ANSWER))) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (1.0, 1.0 + 2e-9),
        (1e6, 1e6 + 0.01),
        (1, 2),
        (True, 1),
        (False, None),
        (None, 0),
        ("1", 1),
        ("spike", "Spike"),
        ("nan", 0.0),
        ([1], [1, 2]),
        ([1, 2], [1]),
        ({"a": 1}, {}),
        ({}, {"a": None}),
        ({"a": 1}, [1]),
    ],
)
def test_a_change_is_a_difference(old, new):
    assert differing({"k": old}, {"k": new})


@pytest.mark.parametrize(
    ("old", "new"), [(1.0, 1.0 + 5e-10), (1e6, 1e6 + 1e-4), (1, 1.0), (0.0, 1e-13), (-0.0, 0.0)]
)
def test_rounding_is_none(old, new):
    assert differing([old], [new]) == []


def test_a_difference_is_told_with_its_path_and_both_values():
    comparison = Comparison()
    comparison.values(ANSWER, {**ANSWER, "rows": [1, 2, {"kind": "dip"}]}, path="x")
    kind, opened = comparison.outcome.unexplained
    assert str(kind) == 'x/rows/2/kind\n    old: "spike"\n    new: "dip"'
    assert (opened.path, opened.old, opened.new) == ("x/rows/2/open", "true", "(missing)")


def test_a_renamed_name_is_followed_as_a_key_and_as_a_word():
    old = {"climate": {"state": 1.5}, "experts": ["climate"]}
    new = {"climatology": {"state": 1.5}, "experts": ["climatology"]}
    renamed = {"climate": "climatology"}
    assert set(differing(old, new)) == {"x/climate", "x/climatology", "x/experts/0"}
    assert differing(old, new, renamed=renamed) == []
    assert differing(old, old, renamed=renamed) == []
    new["climatology"]["state"] = 2.0
    assert differing(old, new, renamed=renamed) == ["x/climate/state"]


def test_entries_with_names_are_compared_by_name_and_order():
    first, second = {"name": "a", "low": 1}, {"name": "b", "low": 2}
    old, new = [first, second], [{"name": "new", "low": 0}, first, {**second, "low": 3}]
    assert differing(old, new) == ["x/b/low", "x/new"]
    assert differing(old, [second, first]) == ["x/order"]
    assert differing(old, [{**first, "name": "c"}, second], renamed={"a": "c"}) == []
    assert differing([first, first], [first]) == ["x/1"]


def test_what_is_allowed_is_counted_apart():
    comparison = Comparison(allowed=["x/*/checksum"])
    rows = {"models": {"checksum": "a", "score": 1.0}}
    comparison.values(rows, {"models": {"checksum": "b", "score": 2.0}}, path="x")
    assert [found.path for found in comparison.outcome.allowed] == ["x/models/checksum"]
    assert [found.path for found in comparison.outcome.unexplained] == ["x/models/score"]


def test_a_part_that_only_one_recording_has_differs(tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "both.json").write_text("[1]")
    (tmp_path / "old" / "gone.json").write_text("[1]")
    parts = ["both", "gone", "neither"]
    outcome = Comparison().folders(tmp_path / "old", tmp_path / "new", parts)
    assert [found.path for found in outcome.unexplained] == ["gone"]


@dataclass(frozen=True)
class Answer:
    at: dt.datetime
    folder: Path
    values: np.ndarray


def test_any_answer_has_a_plain_form_with_its_figures_in_full():
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    third = np.float64(1) / 3
    answer = Answer(moment, Path("/somewhere/lstm"), np.array([third, np.nan, -np.inf]))
    frame = pd.DataFrame({"bid": [third]}, index=pd.DatetimeIndex([moment]))
    found = json.loads(json.dumps(plain({"answer": answer, "frame": frame}), allow_nan=False))
    assert found["answer"] == {
        "at": "2026-01-01T00:00:00+00:00",
        "folder": "lstm",
        "values": [1 / 3, "nan", "-inf"],
    }
    assert found["frame"] == {
        "index": ["2026-01-01T00:00:00+00:00"],
        "columns": {"bid": [1 / 3]},
    }


def test_what_has_no_plain_form_is_told():
    with pytest.raises(TypeError, match="object"):
        plain(object())


def test_durations_and_folders_are_masked_and_nothing_else():
    said = {"latency_ms": 3.2, "rows": [{"pid": 7, "host": ""}], "text": "/w/a.csv in 0.3 s"}
    assert masked(said, {"/w": "<work>"}) == {
        "latency_ms": "<masked>",
        "rows": [{"pid": "<masked>", "host": ""}],
        "text": "<work>/a.csv in <seconds>",
    }


def test_figures_of_a_table_are_numbers():
    assert table_of("h,kind\n1,\n2,spike\n")["columns"] == {"h": [1, 2], "kind": ["nan", "spike"]}
