"""What a Reading answers: rows in blocks, rejects by reason, decisions, what a market remembers."""

# ruff: noqa: E501  (tables: a case a line)
from __future__ import annotations

import datetime as dt
import doctest
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analytics.exceptions import InvalidInput
from analytics.models import Market, PriceHistory
from analytics.services.prices.reading import ReadOptions, parse_columns, read_quotes
from analytics.services.prices.reading import reading as door
from analytics.services.prices.reading.quotes import FIGURES, LONGEST, symbol_problem
from analytics.services.prices.reading.sources import tables

from .cases import MARKET, NOW, Case, case, check, found_rows, read

HEADER = "timestamp,asset,fiat,exchange,bid_price,ask_price\n"
SEVERAL = HEADER + "".join(
    f"2025-03-01T1{n}:00:00Z,{asset},{fiat},{exchange},{n + 1}.5,{n + 2}.5\n"
    for n, (asset, fiat, exchange) in enumerate(
        [("USDT", "BOB", "x"), ("USDT", "VES", "x"), ("BTC", "BOB", "x"), ("usdt", "bob", "X")]
    )
)
BOB = "2025-03-01T10:00 bid=1.5 ask=2.5\n2025-03-01T13:00 bid=4.5 ask=5.5"

MARKETS = [
    case("only the rows of the market asked for", SEVERAL, BOB, market="USDT/BOB@x", said=["others are left out: VES"]),
    case("whatever their case", SEVERAL, BOB, market="usdt/bob@X"),
    case("none of them", SEVERAL, stops="market_given_twice", market="ETH/BOB@x"),
    case("another place to trade", SEVERAL, stops="market_given_twice", market="USDT/BOB@other"),
    case("no market at all", "timestamp,value\n2025-03-01,1.5\n", stops="market_required", market=None),
    case("half a name", "timestamp,asset,fiat,value\n2025-03-01,USDT,BOB,1.5\n", stops="market_required", market=None),
    case("half a name and a market", "timestamp,asset,fiat,value\n2025-03-01,USDT,BOB,1.5\n2025-03-02,USDT,VES,9.5\n", "2025-03-01T00:00 price=1.5"),
    case("a market that is none", "timestamp,value\n2025-03-01,1.5\n", stops="bad_market", market="BTC"),
    case("pairs in every spelling", "time,pair,price\n" + "".join(f"2025-03-0{n},{pair},{n}.5\n" for n, pair in enumerate(["USDT/BOB", "USDT-BOB", "USDTBOB", "usdt_bob", "USDT/VES"], 1)), "\n".join(f"2025-03-0{n}T00:00 price={n}.5" for n in range(1, 5))),
    case("bitcoin's other code", "time,symbol,close\n2025-03-01,XBTUSD,1.5\n2025-03-01,ETHUSD,2.5\n", "2025-03-01T00:00 price=1.5", market="BTC/USD@kraken"),
    case("a column a currency", "date,BOB,VES\n2025-03-01,6.91,90.5\n", "2025-03-01T00:00 price=6.91", market="USD/BOB@yadio"),
    case("a row of a broken market", HEADER + "2025-03-01T10:00:00Z,US DT,BOB,x,1.5,2.5\n2025-03-01T10:00:00Z,,BOB,x,1.5,2.5\n2025-03-01T10:00:00Z,USDT,BOB,x,1.5,2.5\n", "2025-03-01T10:00 bid=1.5 ask=2.5", rejects=["market: not a market"] * 2, market=None),
    case("a code that is too long", HEADER + f"2025-03-01T10:00:00Z,{'A' * 21},BOB,x,1.5,2.5\n2025-03-01T10:00:00Z,USDT,BOB,x,1.5,2.5\n", "2025-03-01T10:00 bid=1.5 ask=2.5", rejects=["market: a code"], market=None),
]  # fmt: skip


@pytest.mark.parametrize("given", MARKETS)
def test_a_row_belongs_to_the_market_that_it_names(given: Case) -> None:
    check(given)


def test_a_source_that_names_its_markets_says_which() -> None:
    reading = read(SEVERAL, market=None)
    assert [row.split()[1] for row in found_rows(reading, symbols=True)] == [
        "USDT/BOB@x", "USDT/VES@x", "BTC/BOB@x", "usdt/bob@X",
    ]  # fmt: skip
    records = [{"timestamp": "2025-03-01T00:00:00Z", "market": "A/B@c", "price": 1.5}]
    assert found_rows(read(records, market=None), symbols=True)[0].split()[1] == "A/B@c"
    named = "date,symbol,exchange,close\n2025-03-01,BTC/USD,bitstamp,1.5\n"
    assert found_rows(read(named, market=None), symbols=True)[0].split()[1] == "BTC/USD@bitstamp"


def test_a_scoring_takes_every_row_and_its_time_as_it_stands() -> None:
    data = "fecha;valor\n13/03/2025 10:30;1,5\n12/03/2025 10:30;\n13/03/2025 10:30;2,5\n"
    reading = read(data, market=None, needs_market=False)
    (block,) = reading.blocks()
    assert block.times.to_pylist() == ["13/03/2025 10:30", "13/03/2025 10:30"]
    assert list(block.rows["price"]) == [1.5, 2.5]
    assert [reject.row for reject in block.rejects] == [3]
    assert found_rows(read(SEVERAL, market=None, needs_market=False)).__len__() == 4


# ------------------------------------------------------------------------------------------- answer
def test_the_example_of_the_door_is_true() -> None:
    assert doctest.testmod(door).failed == 0
    assert doctest.testmod(door).attempted == 5


def test_rows_come_in_blocks_of_typed_columns(monkeypatch) -> None:
    monkeypatch.setattr(tables, "BLOCK_ROWS", 2)
    reading = read(SEVERAL, market=None)
    for _twice in range(2):
        frames = [block.rows for block in reading.blocks()]
        for frame in frames:
            assert list(frame.columns) == ["symbol", "timestamp", *FIGURES]
            assert str(frame["timestamp"].dtype) == "datetime64[us, UTC]"
            assert frame["symbol"].dtype == "category"
            assert set(frame[list(FIGURES)].dtypes.astype(str)) == {"float64"}
        assert [n for frame in frames for n in frame.index] == [2, 3, 4, 5]


def test_rejects_are_counted_by_reason_with_an_example() -> None:
    lines = ["2025-03-01,abc", "2025-03-02,xyz", "later,1.5", "2025-03-03", "2025-03-04,1.5"]
    reading = read("timestamp,value\n" + "\n".join(lines) + "\n")
    assert len(list(reading.blocks())) > 0
    assert reading.rejects.counts == {
        "price: not a number": 2,
        "timestamp: not an ISO 8601 time, nor another that is known": 1,
        "2 columns expected, 1 found": 1,
    }
    assert reading.rejects.examples["price: not a number"].content == "2025-03-01,abc"
    assert reading.summary()[0] == "5 rows read, 1 good, 4 rejected"
    assert "2 × price: not a number (row 2: 2025-03-01,abc)" in reading.summary()
    assert (reading.read, reading.used, reading.enough) == (5, 1, False)


@pytest.mark.parametrize(
    "header", ["timestamp,bid,ask", "fecha,compra,venta", "timestamp,buy,sell", "timestamp,bid"]
)
def test_sides_that_are_named_are_read_however_few_of_their_cells_are_figures(header) -> None:
    sides = header.count(",")
    good = [f"2025-03-01T0{n}:00:00Z" + f",{n}.50,{n}.55"[: 5 * sides] for n in (1, 2)]
    bad = [f"2025-03-02T0{n}:00:00Z" + ",x" * sides for n in range(9)]
    reading = read("\n".join([header, *good, *bad]) + "\n")
    assert found_rows(reading) == [
        f"2025-03-01T0{n}:00 bid={n}.5" + f" ask={n}.55" * (sides - 1) for n in (1, 2)
    ]
    assert reading.rejects.counts == {"bid: not a number": 9}
    assert not reading.enough


def test_rows_of_other_markets_are_no_rejects() -> None:
    reading = read(SEVERAL, market="USDT/BOB@x")
    list(reading.blocks())
    assert (reading.read, reading.used, reading.left_out) == (4, 2, 2)
    assert reading.enough
    assert "2 of other markets left out" in reading.summary()[0]


def test_a_preview_shows_the_first_rows_and_changes_nothing() -> None:
    reading = read("timestamp,value\nx,1.5\n" + "2025-03-01,2.5\n" * 9)
    rows, rejects = reading.preview(3)
    assert list(rows["price"]) == [2.5] * 3
    assert list(rows["symbol"]) == [MARKET] * 3
    assert [reject.row for reject in rejects] == [2]
    assert (reading.read, reading.used) == (0, 0)


def test_progress_is_told_block_by_block() -> None:
    seen: list[tuple[int, int | None]] = []
    reading = read("timestamp,value\n2025-03-01,2.5\n")
    list(reading.blocks(lambda done, total: seen.append((done, total))))
    assert seen == [(1, None)]


def test_every_decision_says_what_why_and_by_which_option() -> None:
    reading = read("fecha;compra;venta\n13/03/2025 10:30;11,5;11,6\n")
    options = {d.what: d.option for d in reading.decisions}
    assert options == {
        "separator": "delimiter", "columns": "columns", "dates": "date_format", "time zone": "tz",
        "figures": "decimal", "bid": "columns",
    }  # fmt: skip
    assert all(decision.why for decision in reading.decisions)


def test_a_stop_carries_its_choices_for_a_page() -> None:
    with pytest.raises(InvalidInput) as caught:
        read("fecha;precio\n2025-03-01;4.103\n")
    assert caught.value.details == {
        "option": "decimal",
        "choices": [
            {"value": ".", "shown": "4.103 = 4.103"},
            {"value": ",", "shown": "4.103 = 4103"},
        ],
    }
    assert list(caught.value.fields) == ["decimal"]


def test_a_quote_is_to_the_reader_what_it_is_to_the_database() -> None:
    assert [column.name for column in PriceHistory.SCHEMA] == list(FIGURES)
    lengths = [Market._meta.get_field(n).max_length for n in ("asset", "fiat", "exchange")]
    assert list(LONGEST) == lengths
    for text in ("A/B@c", " a-1/b.2@c_3 ", "A/B", "A/B@", "A B/C@d", "A/B@c/d", "/B@c", "Ä/B@c"):
        parts = Market.parse_symbol(text)
        assert (symbol_problem(text) is None) == (parts is not None and parts[2] is not None)


# --------------------------------------------------------------------------------------- remembered
def test_what_a_file_told_is_remembered_for_one_that_does_not() -> None:
    told = read("fecha;compra;venta\n13/03/2025 10:30;4.103,5;4.110\n", tz="America/La_Paz")
    assert told.settings == {
        "decimal": ",", "date_format": "dmy", "tz": "America/La_Paz", "sides": {"buy": "bid"} | {"sell": "ask"},
    }  # fmt: skip
    silent = "fecha;compra;venta\n05/03/2025 10:30;4.103;4.110\n06/03/2025 10:30;4.111;4.110\n"
    with pytest.raises(InvalidInput):
        read(silent)
    assert found_rows(read(silent, remembered=told.settings)) == [
        "2025-03-05T14:30 bid=4103.0 ask=4110.0",
        "2025-03-06T14:30 bid=4111.0 ask=4110.0",
    ]


def test_what_was_only_assumed_is_not_remembered() -> None:
    assert read("timestamp,value\n2025-03-01T10:00,4.103\n").settings == {}


def test_columns_are_remembered_where_they_are_there_again() -> None:
    first = read("timestamp,a,b\n2025-03-01,1.5,2.5\n", columns={"price": "b"})
    assert first.settings["columns"] == {"price": "b"}
    again = read("timestamp,a,b\n2025-03-01,1.5,2.5\n", remembered=first.settings)
    assert found_rows(again) == ["2025-03-01T00:00 price=2.5"]
    other = read("timestamp,close\n2025-03-01,1.5\n", remembered=first.settings)
    assert found_rows(other) == ["2025-03-01T00:00 price=1.5"]


# ------------------------------------------------------------------------------------------ options
def test_options_are_checked_by_name() -> None:
    assert parse_columns("bid=compra, ask=venta,volume=") == {"bid": "compra", "ask": "venta", "volume": ""}  # fmt: skip
    for options, field in (
        ({"decimal": "x"}, "decimal"), ({"date_format": "xyz"}, "date_format"),
        ({"delimiter": "x"}, "delimiter"), ({"encoding": "x"}, "encoding"), ({"tz": "x"}, "tz"),
        ({"tz": "../etc/passwd"}, "tz"), ({"columns": {"x": "y"}}, "columns"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput) as caught:
            ReadOptions(**options)  # type: ignore[arg-type]
        assert caught.value.code == "bad_option"
        assert list(caught.value.fields) == [field]
    with pytest.raises(InvalidInput):
        parse_columns("compra")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("timestamp=When,bid_price=A,ask_price=B", {"time": "When", "bid": "A", "ask": "B"}),
        ("Fecha=1,Precio=2", {"time": "1", "price": "2"}),
        ("compra=C,Venta=V", {"buy": "C", "sell": "V"}),
        ("ASK=a,volumen=v", {"ask": "a", "volume": "v"}),
        ("mystery=1", {"mystery": "1"}),  # refused with the names that are known
    ],
)
def test_a_column_s_part_may_be_named_as_a_column_of_it_could_be(said, meant):
    assert parse_columns(said) == meant


@pytest.mark.parametrize("said", ["bid=a,bid=b", "time=a,timestamp=b", "price=a,Precio=b"])
def test_one_part_has_one_column(said):
    with pytest.raises(InvalidInput) as caught:
        parse_columns(said)
    assert "named twice" in caught.value.fields["columns"]


# --------------------------------------------------------------------------------------------- real
def test_real_recordings_are_read_to_the_digit(shared_data: Path) -> None:
    for path in sorted(shared_data.glob("*.csv.gz")):
        table = pd.read_csv(path, dtype=str)
        options = ReadOptions(now=NOW)
        if path.name.startswith("ads_"):
            with pytest.raises(InvalidInput, match="single offers"):
                read_quotes(path, options)
            continue
        if "bid_median" in table:
            options = ReadOptions(now=NOW, columns={"bid": "bid_median", "ask": "ask_median"})
        frame = read_quotes(path, options).frame()
        known = table["timestamp"].isin(frame["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        assert known.mean() > 0.99
        table = table[known].reset_index(drop=True)
        assert len(frame) == len(table)
        for ours, theirs in (("bid", "bid_price"), ("ask", "ask_price"), ("price", "close"), ("bid_volume", "bid_volume"), ("volume", "volume")):  # fmt: skip
            if theirs in table:
                np.testing.assert_array_equal(frame[ours], table[theirs].astype("float64"))


def test_labelled_series_are_read_whole(shared_data: Path) -> None:
    for path in sorted((shared_data / "nab" / "data").rglob("*.csv")):
        options = ReadOptions(needs_market=False, now=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        reading = read_quotes(path, options)
        values = pd.read_csv(path)["value"]
        rows = sum(len(block.rows) + len(block.rejects) for block in reading.blocks())
        assert rows == len(values)
