"""Workbooks, parquet files and archives."""

# ruff: noqa: E501  (tables: a case a line)
from __future__ import annotations

import datetime as dt
import gzip
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
import xlwt
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from analytics.exceptions import InvalidInput
from analytics.services.prices.reading.sources import containers

from .cases import Case, case, check, found_rows, read

ONE = "2025-03-13T10:30 bid=11.5 ask=11.6"
TWO = ONE + "\n2025-03-14T10:30 bid=11.55 ask=11.65"
MOMENTS = dt.datetime(2025, 3, 13, 10, 30), dt.datetime(2025, 3, 14, 10, 30)
HEADER = ["Fecha", "Compra", "Venta"]
REAL = [HEADER, [MOMENTS[0], 11.5, 11.6], [MOMENTS[1], 11.55, 11.65]]
TEXT = [HEADER, ["13/03/2025 10:30", "11,50", "11,60"], ["14/03/2025 10:30", "11,55", "11,65"]]
Sheets = Mapping[str, Sequence[Sequence[Any]]]


def xlsx(sheets: Sheets, *, mac: bool = False) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    if mac:
        book.epoch = CALENDAR_MAC_1904
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def xls(rows: Sequence[Sequence[Any]]) -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Hoja1")
    style = xlwt.easyxf(num_format_str="DD/MM/YYYY HH:MM")
    for y, row in enumerate(rows):
        for x, value in enumerate(row):
            sheet.write(y, x, value, style if isinstance(value, dt.datetime) else xlwt.XFStyle())
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def parquet(frame: pd.DataFrame, **options: Any) -> bytes:
    target = io.BytesIO()
    frame.to_parquet(target, **options)
    return target.getvalue()


BANK = [
    ["Banco Central de Bolivia"],
    ["Cotizaciones de referencia", None],
    [None],
    HEADER,
    *REAL[1:],
    [None, None, None],
    ["Fuente: BCB"],
]
WORKBOOKS = [
    case("real dates and figures", xlsx({"Hoja1": REAL}), TWO),
    case("dates and figures as text", xlsx({"Hoja1": TEXT}), TWO, said=["decimal comma"]),
    case("days without hours", xlsx({"a": [HEADER, [dt.date(2025, 3, 13), 11.5, 11.6]]}), "2025-03-13T00:00 bid=11.5 ask=11.6"),
    case("date and hour apart", xlsx({"a": [["Fecha", "Hora", "Precio"], [dt.date(2025, 3, 13), dt.time(10, 30), 11.5]]}), "2025-03-13T10:30 price=11.5"),
    case("counted from 1904", xlsx({"Hoja1": REAL}, mac=True), TWO),
    case("serial days without a format", xlsx({"a": [["Fecha", "Precio"], [45729.4375, 11.5]]}), "2025-03-13T10:30 price=11.5"),
    case("epochs", xlsx({"a": [["time", "close"], [1741861800, 11.5], [1741861860000, 11.6]]}), "2025-03-13T10:30 price=11.5\n2025-03-13T10:31 price=11.6"),
    case("lines above and below", xlsx({"a": BANK}), TWO, rejects=["8 timestamp: not an ISO"]),
    case("the only sheet with data", xlsx({"leer": [["Notas"], ["de uso"]], "Hoja1": REAL, "vacía": []}), TWO, said=["sheet: Hoja1"]),
    case("several with data", xlsx({"Hoja1": REAL, "Hoja2": REAL}), stops="ambiguous_sheet", said=["--sheet Hoja1"]),
    case("one of them", xlsx({"BOB": REAL, "VES": REAL[:2]}), ONE, sheet="VES"),
    case("all of them", xlsx({"BOB": REAL, "VES": REAL[:2]}), TWO + "\n" + ONE, sheet="*"),
    case("a sheet a year", xlsx({"2024": REAL, "2025": REAL[:2]}), TWO + "\n" + ONE, said=["one after another"]),
    case("a sheet that is not there", xlsx({"BOB": REAL}), stops="bad_option", sheet="VES", said=["BOB"]),
    case("thousands as text are open", xlsx({"a": [["Fecha", "Precio"], [MOMENTS[0], "4.103"]]}), stops="ambiguous_decimal"),
    case("beside numbers they are not", xlsx({"a": [["Fecha", "Precio"], [MOMENTS[0], "4.103,5"], [MOMENTS[1], 4103.25]]}), "2025-03-13T10:30 price=4103.5\n2025-03-14T10:30 price=4103.25"),
    case("unknown cells", xlsx({"a": [HEADER, [MOMENTS[0], 11.5, None], [MOMENTS[1], "#N/A", 11.65]]}), "2025-03-13T10:30 bid=11.5\n2025-03-14T10:30 ask=11.65", columns={"bid": "Compra", "ask": "Venta"}),
    case("many digits", xlsx({"a": [["Fecha", "Precio"], [MOMENTS[0], 1234567.123456789], [MOMENTS[1], 1e-8]]}), "2025-03-13T10:30 price=1234567.123456789\n2025-03-14T10:30 price=1e-8"),
    case("the old format", xls(REAL), TWO),
    case("an empty workbook", xlsx({"a": []}), stops="empty_file"),
    case("a header only", xlsx({"a": [HEADER]}), stops="empty_file"),
    case("a broken workbook", xlsx({"a": REAL})[:-200], stops="bad_file"),
    case("a protected one", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), stops="bad_file"),
]  # fmt: skip


CSV = b"timestamp,bid,ask\n2025-03-13 10:30,11.5,11.6\n"
NEXT = CSV.replace(b"10:30", b"11:30")
LATER = ONE.replace("10:30", "11:30")
ARCHIVES = [
    case("one file", zipped({"q.csv": CSV}), ONE),
    case("stored, not packed", zipped({"q.csv": CSV}, zipfile.ZIP_STORED), ONE),
    case("one in a folder, with what a Mac adds", zipped({"data/": b"", "data/q.csv": CSV, "__MACOSX/data/._q.csv": b"x", "data/.DS_Store": b"x", "README.txt": b"x"}), ONE),
    case("with its checksum", zipped({"q.csv": CSV, "q.csv.CHECKSUM": b"abc"}), ONE),
    case("a file a month", zipped({"BTCUSDT-1m-2025-03.csv": CSV, "BTCUSDT-1m-2025-04.csv": NEXT}), ONE + "\n" + LATER, said=["differ by a date alone"]),
    case("files of different pairs", zipped({"BTCUSDT-1m-2025-03.csv": CSV, "ETHUSDT-1m-2025-03.csv": NEXT}), stops="ambiguous_sheet", said=["--sheet"]),
    case("one of them", zipped({"a/BTC.csv": CSV, "a/ETH.csv": NEXT}), LATER, sheet="ETH.csv"),
    case("months with different columns", zipped({"q-2025-03.csv": CSV, "q-2025-04.csv": b"timestamp,close\n2025-04-13 10:30,11.5\n"}), stops="ambiguous_sheet"),
    case("a packed csv inside", zipped({"q.csv.gz": gzip.compress(CSV)}), ONE),
    case("a zip inside a gzip", gzip.compress(zipped({"q.csv": CSV})), ONE),
    case("a workbook inside", zipped({"q.xlsx": xlsx({"a": REAL})}), TWO),
    case("JSON inside", zipped({"q.json": b'[{"ts":1741861800,"bid":11.5,"ask":11.6}]'}), ONE),
    case("packed too often", gzip.compress(gzip.compress(gzip.compress(gzip.compress(CSV)))), stops="bad_file"),
    case("an empty archive", zipped({}), stops="bad_file"),
    case("nothing but notes", zipped({"README.md": b"x"}), stops="empty_file"),
    case("a torn archive", zipped({"q.csv": CSV * 50})[:60], stops="bad_file"),
]  # fmt: skip


INDEX = pd.DatetimeIndex(MOMENTS, name="timestamp")
FRAME = pd.DataFrame({"bid": [11.5, 11.55], "ask": [11.6, 11.65]}, index=INDEX)
PARQUET = [
    case("times as the index", parquet(FRAME), TWO),
    case("times with a zone", parquet(FRAME.tz_localize("America/La_Paz").tz_convert("UTC")), TWO.replace("10:30", "14:30")),
    case("times in a local zone", parquet(FRAME.tz_localize("America/La_Paz")), TWO.replace("10:30", "14:30")),
    case("an index without a name", parquet(FRAME.rename_axis(None)), TWO),
    case("times as a column", parquet(FRAME.reset_index(), index=False), TWO),
    case("epochs", parquet(FRAME.assign(ts=[1741861800, 1741948200]).reset_index(drop=True)), TWO),
    case("text", parquet(FRAME.reset_index().astype(str)), TWO),
    case("nanoseconds and decimals", parquet(FRAME.set_index(INDEX.as_unit("ns"))), TWO),
    case("single precision is what it prints", parquet(FRAME.astype("float32")), TWO),
    case("categories for the market", parquet(FRAME.assign(asset=pd.Categorical(["USDT"] * 2), fiat="BOB", exchange="x")), TWO, market=None),
    case("unknown figures", parquet(FRAME.assign(bid=[11.5, None])), ONE + "\n2025-03-14T10:30 ask=11.65"),
    case("no rows", parquet(FRAME.head(0)), stops="empty_file"),
    case("a broken file", b"PAR1" + bytes(40), stops="bad_file"),
]  # fmt: skip


@pytest.mark.parametrize("given", [*WORKBOOKS, *ARCHIVES, *PARQUET])
def test_a_container_is_opened(given: Case) -> None:
    check(given)


# ----------------------------------------------------------------------------------------- refusals
JUNK = [
    case("nothing", b"", stops="empty_file"),
    case("blanks", b" \n\n ", stops="empty_file"),
    case("a header only", b"timestamp,value\n", stops="empty_file"),
    case("a header of ours only", b"timestamp,asset,fiat,exchange,bid_price,ask_price", stops="empty_file"),
    case("nothing in a gzip", gzip.compress(b""), stops="empty_file"),
    case("a torn gzip", gzip.compress(CSV * 400)[:-40], stops="bad_file"),
    case("binary junk", bytes(range(256)) * 40, stops="bad_file"),
    case("zeros", bytes(4000), stops="bad_file"),
    case("a PDF", b"%PDF-1.7 ...", stops="bad_file", said=["PDF"]),
    case("a picture", b"\x89PNG\r\n\x1a\n....", stops="bad_file"),
    case("a web page", b"<!DOCTYPE html><html><body>404</body></html>", stops="bad_file", said=["web page"]),
    case("a database", b"SQLite format 3\x00....", stops="bad_file"),
    case("a tar", bytes(257) + b"ustar" + bytes(300), stops="bad_file"),
    case("words", b"dear reader, there are no quotes here\nnone at all\n", stops="bad_header"),
    case("a number a line", b"1\n2\n3\n", stops="bad_header"),
]  # fmt: skip


@pytest.mark.parametrize("given", JUNK)
def test_what_holds_no_quotes_is_refused_in_one_line(given: Case) -> None:
    check(given)


def test_files_are_judged_by_their_names_too(tmp_path: Path) -> None:
    for name, code in (("q.csv.gz", "bad_file"), ("q.parquet", "bad_file"), ("q.txt", None)):
        path = tmp_path / name
        path.write_bytes(CSV)
        if code is None:
            assert found_rows(read(path)) == [ONE]
        else:
            check(Case("", path, stops=code))
    check(Case("", tmp_path / "none.csv", stops="no_file"))
    check(Case("", tmp_path, stops="no_file"))


def test_a_zip_with_a_password_is_refused_by_its_reason() -> None:
    locked = bytearray(zipped({"q.csv": CSV}))
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(magic) + place] |= 1
    check(Case("", bytes(locked), stops="bad_file", said=["password"]))


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: zipped({"q.csv": data})])
def test_a_bomb_is_refused_before_it_is_unpacked(pack, monkeypatch) -> None:
    monkeypatch.setattr(containers, "_SUSPECT_FROM", 1 << 20)
    check(Case("", pack(CSV + b"," * (8 << 20)), stops="bad_file", said=["larger than"]))


def test_an_honest_constant_series_is_no_bomb(monkeypatch) -> None:
    monkeypatch.setattr(containers, "_SUSPECT_FROM", 1 << 20)
    rows = "".join(f"2025-{m:02d}-{d:02d} {h:02d}:{n:02d},6.86,6.96\n" for m in range(1, 11) for d in range(1, 28) for h in range(24) for n in range(0, 60, 4))  # fmt: skip
    packed = gzip.compress(("timestamp,bid,ask\n" + rows).encode())
    assert read(packed).rows == rows.count("\n")


def test_what_must_be_held_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(containers, "MOST_HELD", 1000)
    for data in (b"[" + b" " * 2000 + b"]", gzip.compress(b"[" + b" " * 2000 + b"]")):
        with pytest.raises(InvalidInput, match="larger than"):
            read(data)


def test_a_workbook_that_spans_too_many_cells_is_refused_unread() -> None:
    book = openpyxl.Workbook()
    for row in REAL:
        book.active.append(row)
    book.active["XFD1048576"] = 1
    target = io.BytesIO()
    book.save(target)
    check(Case("", target.getvalue(), stops="bad_file", said=["too many cells"]))
