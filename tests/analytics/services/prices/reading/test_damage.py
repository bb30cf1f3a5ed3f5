"""Damaged files, and any bytes at all, are read or refused in one line."""

# ruff: noqa: E501
from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import zipfile

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading import ReadOptions, read_quotes

from .cases import MARKET, NOW


def _good() -> list[bytes]:
    text = "timestamp,note,bid,ask\n" + "".join(
        f'2025-03-{d:02d}T10:00:00Z,"a, ""b""",11.{d},11.{d + 30}\n' for d in range(1, 29)
    )
    frame = pd.read_csv(io.StringIO(text))
    book, packed = io.BytesIO(), io.BytesIO()
    frame.to_excel(book, index=False)
    frame.to_parquet(packed)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("q.csv", text)
    return [
        text.encode(), text.encode("utf-16"), gzip.compress(text.encode()), target.getvalue(),
        book.getvalue(), packed.getvalue(), frame.to_json(orient="records").encode(),
        frame.to_json().encode(),
    ]  # fmt: skip


GOOD = _good()
#: Rows enough that a few control characters do not make a text none.
MORE = "".join(f"2025-03-{day:02d}T11:00:00Z,11.1,11.2\n" for day in range(1, 29))


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(GOOD), st.data())
def test_a_damaged_file_is_read_or_refused(good: bytes, data: st.DataObject) -> None:
    damaged = bytearray(good)
    for _blow in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, max(len(damaged) - 1, 0)))
        end = place + data.draw(st.integers(0, 12))
        damaged[place:end] = data.draw(st.binary(max_size=12))
    _read_or_refuse(bytes(damaged))


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")), st.text(alphabet='0123456789.,;:-/"\n\r\tTZ ep[]{}', max_size=300).map(str.encode)))  # fmt: skip
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    _read_or_refuse(data)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["time", "bid", "price", "data", "BOB", "columns", "x"]), inner, max_size=4), max_leaves=20))  # fmt: skip
def test_any_json_is_read_or_refused(value: object) -> None:
    _read_or_refuse(json.dumps(value).encode())
    if isinstance(value, list | dict):
        _read_or_refuse(value)


@pytest.mark.parametrize(
    "text",
    [
        'timestamp,"bid\nBOB",ask\n2025-03-01T10:00:00Z,11.1,11.2\n',
        "timestamp,bid\x00,ask\n2025-03-01T10:00:00Z,11.1,11.2\n",
        "timestamp,bid,\x1b[31mask\n2025-03-01T10:00:00Z,11.1,11.2\n",
        'timestamp,bid,ask\n2025-03-01T10:00:00Z,"a, ""b\x00\n"" c",11.1,11.2,"\x07"\n',
        'timestamp,bid,ask\n"2025-03-01\nT\x1b[2J",11.1,11.2\n',
        'timestamp,"price\none","price\ntwo"\n2025-03-01T10:00:00Z,11.1,11.2\n',
        'timestamp,market,price\n2025-03-01T10:00:00Z,"USDT\n/BOB\x00",11.2\n',
    ],
)  # fmt: skip
def test_what_is_quoted_of_a_file_breaks_no_line_and_no_terminal(text: str) -> None:
    _read_or_refuse((text + MORE).encode())


@pytest.mark.parametrize("columns", [{"bid": "no\nsuch\x00"}, {"time": "\x1b[2J"}])
def test_neither_does_what_is_quoted_of_the_caller(columns: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_quotes(GOOD[0], ReadOptions(market=MARKET, now=NOW, columns=columns))
    assert refused.value.message.isprintable()


def test_a_name_with_a_control_character_can_be_remembered() -> None:
    """PostgreSQL stores no zero character, in no JSON either."""
    text = "timestamp,bid\x00 x,ask\n2025-03-01T10:00:00Z,11.1,11.2\n"
    columns = {"bid": "bid x", "ask": "ask"}
    options = ReadOptions(market=MARKET, now=NOW, columns=columns)
    reading = read_quotes((text + MORE).encode(), options)
    assert reading.settings["columns"] == columns
    assert len(reading.frame()) == 29


def _read_or_refuse(source: object) -> None:
    for market in (MARKET, None):
        try:
            reading = read_quotes(source, ReadOptions(market=market, now=NOW))  # type: ignore[arg-type]
            frame = reading.frame()
            reading.preview()
        except InvalidInput as error:
            said = [error.message, *error.fields.values()]
            assert all(str(text).isprintable() for text in said)
            continue
        said = [*map(str, reading.decisions), *reading.summary()]
        assert all(text.isprintable() for text in said)
        assert (frame["timestamp"] <= pd.Timestamp(NOW + dt.timedelta(minutes=5))).all()
        assert reading.read == reading.used + reading.rejects.total + reading.left_out
