"""A table written in any dialect is read back as it was, or stops as ambiguous: never another
number, never another moment."""
# ruff: noqa: E501, PT017, SIM905

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import zipfile
import zoneinfo
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import openpyxl
import pandas as pd
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading import ReadOptions, read_quotes

from .cases import MARKET, NOW

MONTHS = "ene feb mar abr may jun jul ago sep oct nov dic".split(" ")
ENGLISH = "January February March April May June July August September October November December".split(" ")  # fmt: skip
#: How a moment is written; those of programs first.
FORMATS = {
    "iso z": lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "iso": lambda t: t.strftime("%Y-%m-%d %H:%M:%S"),
    "iso minutes": lambda t: t.strftime("%Y-%m-%d %H:%M"),
    "iso utc": lambda t: t.strftime("%Y-%m-%d %H:%M:%S UTC"),
    "iso offset": lambda t: (t - dt.timedelta(hours=4)).strftime("%Y-%m-%dT%H:%M:%S-04:00"),
    "s": lambda t: str(int(t.timestamp())),
    "ms": lambda t: str(int(t.timestamp()) * 1000),
    "us": lambda t: str(int(t.timestamp()) * 1000000),
    "ns": lambda t: str(int(t.timestamp()) * 1000000000),
    "dmy": lambda t: t.strftime("%d/%m/%Y %H:%M"),
    "dmy bare": lambda t: f"{t.day}/{t.month}/{t.year} {t.hour}:{t.minute:02d}",
    "mdy": lambda t: t.strftime("%m/%d/%Y %H:%M:%S"),
    "mdy half": lambda t: t.strftime("%m/%d/%Y %I:%M %p"),
    "dotted": lambda t: t.strftime("%d.%m.%Y %H:%M"),
    "dashed": lambda t: t.strftime("%d-%m-%y %H:%M"),
    "short year first": lambda t: t.strftime("%y/%m/%d %H:%M"),
    "spanish": lambda t: f"{t.day} de {MONTHS[t.month - 1]} de {t.year} {t:%H:%M}",
    "english": lambda t: f"{ENGLISH[t.month - 1]} {t.day}, {t.year} {t:%I:%M %p}",
    "compact": lambda t: t.strftime("%Y%m%d%H%M%S"),
    "serial": lambda t: repr((t - dt.datetime(1899, 12, 30, tzinfo=dt.UTC)) / dt.timedelta(days=1)),
}
OF_PROGRAMS = list(FORMATS)[:9]
NAMES = st.sampled_from([("timestamp", "bid", "ask"), ("Fecha", "Compra", "Venta"), ("FECHA Y HORA", "Precio de compra", "Precio de venta"), ("Date", "Buy", "Sell"), ("date_time", "bid_price", "ask_price")])  # fmt: skip


@dataclass(frozen=True)
class Quotes:
    """What is written: moments, and bid below ask."""

    moments: list[dt.datetime]
    bids: list[Decimal]
    asks: list[Decimal]


@st.composite
def quotes(draw: st.DrawFn) -> Quotes:
    start = draw(st.datetimes(dt.datetime(2010, 1, 1), dt.datetime(2026, 6, 1)))
    step = draw(st.sampled_from([1, 15, 60, 1440, 1441, 10_000]))
    count = draw(st.integers(1, 25))
    first = start.replace(second=0, microsecond=0, tzinfo=dt.UTC)
    moments = [first + n * dt.timedelta(minutes=step) for n in range(count)]
    places = draw(st.integers(0, 8))
    top = 10 ** min(14, places + draw(st.integers(1, 6)))
    unit = Decimal(1).scaleb(-places)
    bids = [draw(st.integers(1, top - 1)) * unit for _m in moments]
    asks = [bid + draw(st.integers(1, 50)) * unit for bid in bids]
    return Quotes([m for m in moments if m < NOW], bids, asks)


def written(value: Decimal, mark: str, groups: str, fixed: bool) -> str:
    text = f"{value:,f}" if fixed or value == value.to_integral() else f"{value.normalize():,f}"
    return text.replace(",", "\0").replace(".", mark).replace("\0", groups)


@st.composite
def texts(draw: st.DrawFn) -> tuple[Quotes, bytes]:
    """Quotes, and a csv of them in some dialect."""
    held = draw(quotes())
    assume(held.moments)
    form = draw(st.sampled_from(list(FORMATS)))
    mark = draw(st.sampled_from([".", ","]))
    groups = draw(st.sampled_from(["", " ", "'", "\u00a0", "," if mark == "." else "."]))
    separator = draw(st.sampled_from([";", "\t", "|", ","]))
    # A program that separates by commas sets off no thousands: that is how an open file is read.
    assume(not (separator == "," and form in OF_PROGRAMS and groups == "."))
    fixed = draw(st.booleans())
    target = io.StringIO()
    out = csv.writer(
        target,
        delimiter=separator,
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])),
    )
    for line in draw(st.sampled_from([(), ("Banco, S.A.",), ("# de la web", "")])):
        out.writerow([line])
    out.writerow([*draw(NAMES), "observación"])
    for moment, bid, ask in zip(held.moments, held.bids, held.asks, strict=False):
        figures = (written(figure, mark, groups, fixed) for figure in (bid, ask))
        out.writerow([FORMATS[form](moment), *figures, "así; o, así"])
    encodings = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
    return held, target.getvalue().encode(draw(st.sampled_from(encodings)))


def check_equal(held: Quotes, data: bytes, **options: object) -> None:
    try:
        reading = read_quotes(data, ReadOptions(market=MARKET, now=NOW, **options))
        frame = reading.frame()
    except InvalidInput as error:
        assert error.code.startswith("ambiguous_"), error.message
        return
    assert reading.rejects.lines() == []
    assert list(frame["timestamp"]) == [pd.Timestamp(moment) for moment in held.moments]
    for name, wanted in (("bid", held.bids), ("ask", held.asks)):
        np.testing.assert_array_equal(frame[name], [float(w) for w in wanted][: len(frame)])


LONG = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@LONG
@given(texts())
def test_a_text_is_read_back_or_stops(case: tuple[Quotes, bytes]) -> None:
    check_equal(*case)


@LONG
@given(texts(), st.sampled_from([gzip.compress, "zip"]))
def test_a_packed_text_is_read_back_or_stops(case: tuple[Quotes, bytes], pack: object) -> None:
    held, data = case
    if pack == "zip":
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("cotizaciones.csv", data)
        check_equal(held, target.getvalue())
    else:
        check_equal(held, gzip.compress(data))


@LONG
@given(quotes(), st.sampled_from(list(FORMATS)), st.sampled_from(["records", "columns", "arrays", "text"]))  # fmt: skip
def test_json_is_read_back_or_stops(held: Quotes, form: str, shape: str) -> None:
    assume(held.moments)
    times = [FORMATS[form](moment) for moment in held.moments]
    if shape != "text" and form in ("s", "ms", "us", "ns"):
        times = [int(time) for time in times]  # type: ignore[misc]
    cast = str if shape == "text" else float
    rows = [
        {"time": t, "bid": cast(b), "ask": cast(a)}
        for t, b, a in zip(times, held.bids, held.asks, strict=False)
    ]
    value: object = rows
    if shape == "columns":
        value = {name: [row[name] for row in rows] for name in rows[0]}
    elif shape == "arrays":
        value = {"data": [list(rows[0]), *(list(row.values()) for row in rows)]}
    check_equal(held, json.dumps(value).encode())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(quotes(), NAMES, st.sampled_from(["date", "text", "serial"]))
def test_a_workbook_is_read_back_or_stops(held: Quotes, names: tuple[str, ...], how: str) -> None:
    assume(held.moments)
    book = openpyxl.Workbook()
    book.active.append(list(names))
    for moment, bid, ask in zip(held.moments, held.bids, held.asks, strict=False):
        time: object = moment.replace(tzinfo=None)
        if how != "date":
            text = FORMATS["dmy" if how == "text" else "serial"](moment)
            time = text if how == "text" else float(text)
        book.active.append([time, float(bid), float(ask)])
    target = io.BytesIO()
    book.save(target)
    check_equal(held, target.getvalue())


@LONG
@given(quotes(), st.sampled_from(["America/Santiago", "America/New_York", "America/La_Paz", "Europe/Madrid"]), st.booleans())  # fmt: skip
def test_a_local_time_is_read_back_or_refused(held: Quotes, zone: str, newest_first: bool) -> None:
    assume(held.moments)
    pairs = list(zip(held.moments, held.bids, strict=False))[:: -1 if newest_first else 1]
    lines = [
        f"{m.astimezone(zoneinfo.ZoneInfo(zone)):%Y-%m-%d %H:%M},{bid:.9f}" for m, bid in pairs
    ]
    options = ReadOptions(market=MARKET, now=NOW, tz=zone)
    frame = read_quotes(("fecha,precio\n" + "\n".join(lines)).encode(), options).frame()
    wanted = {pd.Timestamp(moment): float(bid) for moment, bid in pairs}
    found = dict(zip(frame["timestamp"], frame["price"], strict=True))
    assert found.items() <= wanted.items()
    assert len(found) >= len(wanted) - 4  # an hour of quarters that could not be told apart
