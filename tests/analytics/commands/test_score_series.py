"""The command `score_series`: a file in, one row per row out, and what it refuses. No test here may
touch a database (pytest-django would stop it)."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command

from analytics.services.anomalies import scoring

pytestmark = pytest.mark.any_database


def value_file(folder: Path, rows: int = 600, name: str = "in.csv") -> Path:
    rng = np.random.default_rng(5)
    value = 50 + np.cumsum(rng.normal(size=rows)) * 0.1 + rng.normal(size=rows)
    stamps = pd.date_range("2014-04-01", periods=rows, freq="5min").strftime("%Y-%m-%d %H:%M:%S")
    path = folder / name
    pd.DataFrame({"timestamp": stamps, "value": value}).to_csv(path, index=False)
    return path


def run(path: Path, out: Path, *more: str) -> pd.DataFrame:
    call_command("score_series", str(path), "--out", str(out), *more)
    return pd.read_csv(out, dtype={"timestamp": str}, keep_default_na=False)


def test_one_row_per_row_in_the_order_of_the_file(tmp_path):
    path = value_file(tmp_path)
    found = run(path, tmp_path / "out.csv")
    assert list(found.columns) == ["timestamp", "score", "event_score", "alarm", "kind"]
    assert list(found["timestamp"]) == list(pd.read_csv(path, dtype=str)["timestamp"])
    assert np.isfinite(found["score"].astype(float)).all()
    assert (found["score"][:90] == 0).all()
    assert (found["score"][90:] > 0).any()
    assert set(found["alarm"]) <= {0, 1}
    assert ((found["kind"] != "") == (found["alarm"] == 1)).all()


def test_doubled_and_backward_times_unknown_values_and_whole_numbers(tmp_path):
    path = value_file(tmp_path)
    table = pd.read_csv(path, dtype=str)
    table["value"] = [str(int(float(v))) for v in table["value"]]
    table.loc[300:311, "timestamp"] = list(table.loc[288:299, "timestamp"])
    table.loc[400:420, "value"] = ["", "NaN", "null"] * 7
    table["label"] = "1"
    table.to_csv(path, index=False)
    found = run(path, tmp_path / "out.csv")
    assert list(found["timestamp"]) == list(table["timestamp"])
    assert np.isfinite(found["score"]).all()


def test_the_same_file_gives_the_same_bytes_zipped_or_not(tmp_path):
    path = value_file(tmp_path)
    zipped = tmp_path / "in.csv.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    for name, source in (("a.csv", path), ("b.csv", zipped), ("c.csv.gz", path)):
        run(source, tmp_path / name)
    plain = (tmp_path / "a.csv").read_bytes()
    assert (tmp_path / "b.csv").read_bytes() == plain
    assert gzip.decompress((tmp_path / "c.csv.gz").read_bytes()) == plain


def test_training_rows_are_scored_too(tmp_path):
    path = value_file(tmp_path)
    found = run(path, tmp_path / "out.csv", "--train-until", "2014-04-02T00:00")
    assert (found["score"][:90] > 0).any()


REFUSED = {
    "empty": ("", "in.csv is empty"),
    "header only": ("timestamp,value\n", "no rows"),
    "no time": ("label,value\na,1\n", "time"),
    "no figure": ("timestamp,label\n2014-01-01,a\n", "price"),
    "bad time": ("timestamp,value\n2014-01-01,1\nyesterday,2\n", "Row 2 has 'yesterday'"),
    "bad number": ("timestamp,value\n2014-01-01,1\n2014-01-02,abc\n", "value: not a number"),
    "infinite": ("timestamp,value\n2014-01-01,inf\n", "value: not a number"),
    "too short": ("timestamp,value\n2014-01-01,1\n2014-01-02,2\n", "rows"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_scored_is_refused_by_name(tmp_path, name):
    body, message = REFUSED[name]
    path = tmp_path / "in.csv"
    path.write_text(body)
    with pytest.raises(CommandError, match=message):
        run(path, tmp_path / "out.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["in.csv"]


def test_wrong_arguments_are_refused_by_name(tmp_path):
    path, out = value_file(tmp_path), tmp_path / "out.csv"
    for more, message in (
        (("--train-until", "soon"), "not an ISO 8601 time"),
        (("--train-until", "2010-01-01"), "train_until"),
    ):
        with pytest.raises(CommandError, match=message):
            run(path, out, *more)
    with pytest.raises(CommandError, match="There is no file"):
        run(tmp_path / "gone.csv", out)
    with pytest.raises(CommandError, match="out: give a file"):
        run(path, tmp_path / "nowhere" / "out.csv")
    with pytest.raises(CommandError, match="it is a folder"):
        run(path, tmp_path)
    assert not out.exists()


def test_what_was_there_stays_when_a_scoring_is_stopped(tmp_path, monkeypatch):
    path, out = value_file(tmp_path), tmp_path / "out.csv"
    out.write_text("before")

    def stop(*args, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring.ml, "score_series", stop)
    with pytest.raises(CommandError, match="Stopped") as caught:
        run(path, out)
    assert caught.value.returncode == 130
    assert out.read_text() == "before"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "out.csv"]
