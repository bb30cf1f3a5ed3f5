"""Quotes come in once, whole, and however broken their neighbours are."""

from __future__ import annotations

import csv
import datetime as dt
import gzip

import pandas as pd
import pytest

from analytics.conf import conf
from analytics.exceptions import InvalidInput
from analytics.models import Market, PriceHistory
from analytics.services.prices import rows as price_rows
from analytics.services.prices.importing import price_import
from analytics.services.prices.rows import QUOTE_HEADER

pytestmark = pytest.mark.django_db

GOOD = "2026-05-01T12:00:00Z,USDT,BOB,x,9.30,9.35,9.2,9.4,1000.5,2000,12,15"


@pytest.fixture
def write(tmp_path):
    def write(*lines: str, header: str = QUOTE_HEADER, name: str = "quotes.csv"):
        path = tmp_path / name
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return path

    return write


def refusal(path, **options) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        price_import(path=path, **options)
    assert PriceHistory.objects.count() == 0
    assert "\n" not in caught.value.message
    return caught.value


# ------------------------------------------------------------------------------------------- good
def test_every_figure_of_a_quote_arrives_as_decimal(write):
    report = price_import(path=write(GOOD))
    assert (report.read, report.new, report.rejected) == (1, 1, 0)
    assert report.markets == ["USDT/BOB@x"]
    quote = PriceHistory.objects.get()
    assert quote.timestamp == dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
    assert (quote.bid, quote.ask) == (9.3, 9.35)
    assert (quote.bid_volume, quote.bid_offers, quote.ask_offers) == (1000.5, 12, 15)
    assert quote.price is None
    assert quote.volume is None


def test_a_second_import_writes_nothing(write):
    path = write(GOOD, GOOD.replace("12:00", "12:30").replace("9.30", "1234567.12345678"))
    price_import(path=path)
    again = price_import(path=path)
    assert (again.new, again.updated, again.unchanged) == (0, 0, 2)


def test_an_import_killed_between_chunks_is_completed_by_the_next(write, monkeypatch):
    path = write(*(f"2026-05-01T12:{m:02d}:00Z,USDT,BOB,x,9,10,,,,,," for m in range(7)))
    monkeypatch.setattr(price_rows, "CHUNK_ROWS", 3)

    def stop(done, total):
        if total is not None and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        price_import(path=path, on_progress=stop)
    assert PriceHistory.objects.count() == 3
    report = price_import(path=path)
    assert (report.new, report.unchanged) == (4, 3)
    # The cadence was taken from the whole file although the market was no longer new.
    assert Market.objects.get().cadence_minutes == 1


def test_sides_of_one_moment_become_one_quote(write):
    report = price_import(
        path=write(
            "2026-05-01T12:00:00Z,USDT,BOB,x,9.3,,,,,,,",
            "2026-05-01T08:00:00-04:00,USDT,BOB,x,,9.35,,,,,,",
            "2026-05-01T12:00:00Z,usdt,bob,X,9.31,,,,,,,",
        )
    )
    assert (report.read, report.new, report.merged) == (3, 1, 2)
    assert report.markets == ["USDT/BOB@x"]
    quote = PriceHistory.objects.get()
    assert (quote.bid, quote.ask) == (9.31, 9.35)


def test_a_later_file_corrects_and_never_erases(write):
    price_import(path=write(GOOD))
    report = price_import(path=write("2026-05-01T12:00:00Z,USDT,BOB,x,9.5,,,,,,,"))
    assert (report.new, report.updated, report.unchanged) == (0, 1, 0)
    quote = PriceHistory.objects.get()
    assert (quote.bid, quote.ask, quote.bid_offers) == (9.5, 9.35, 12)


def test_crossed_and_one_sided_quotes_are_kept(write):
    report = price_import(
        path=write(
            "2026-05-01T12:00:00Z,USDT,BOB,x,9.9,9.1,,,,,,",
            "2026-05-01T13:00:00Z,USDT,BOB,x,,9.1,,,,,,",
        )
    )
    assert (report.new, report.rejected) == (2, 0)


def test_figures_are_kept_as_quoted_or_refused_never_rounded(write):
    kept = "2026-05-01T12:00:00Z,A,B,x,9.12345678916,10,,,1.123456789,,,"
    cut = "2026-05-01T12:30:00Z,A,B,x,9.1234567891612345678,10,,,,,,"
    assert price_import(path=write(kept, cut)).rejected == 1
    quote = PriceHistory.objects.get()
    assert (quote.bid, quote.bid_volume) == (9.12345678916, 1.123456789)


def test_candles_become_price_and_volume(write):
    header = "timestamp,asset,fiat,exchange,open,high,low,close,volume"
    price_import(path=write("2026-05-01T12:00:00Z,BTC,USDT,spot,1,9,1,5.5,7", header=header))
    quote = PriceHistory.objects.get()
    assert (quote.price, quote.volume, quote.bid) == (5.5, 7, None)


def test_plain_values_take_the_market_given_and_are_utc(write):
    path = write("2014-04-10 07:15:00,1.5", "2014-04-10 07:15:00,2.5", header="timestamp,value")
    report = price_import(path=path, market="AD/CPC@nab")
    assert (report.new, report.merged) == (1, 1)
    quote = PriceHistory.objects.get()
    assert quote.price == 2.5
    assert quote.timestamp == dt.datetime(2014, 4, 10, 7, 15, tzinfo=dt.UTC)


@pytest.mark.parametrize("naive", [False, True])
def test_parquet_says_the_same_as_csv(tmp_path, naive):
    times = pd.to_datetime(["2026-05-01T12:00Z", "2026-05-01T12:30Z"], utc=True)
    table = pd.DataFrame(
        {"asset": "USDT", "fiat": "BOB", "exchange": "x", "bid": [9.3, None], "ask": [9.4, 9.5]},
        index=(times.tz_localize(None) if naive else times).rename("timestamp"),
    )
    table.to_parquet(tmp_path / "q.parquet")
    report = price_import(path=tmp_path / "q.parquet")
    assert report.new == 2
    quotes = PriceHistory.objects.order_by("timestamp")
    assert [q.bid for q in quotes] == [9.3, None]
    assert quotes[0].timestamp == times[0].to_pydatetime()


def test_windows_line_ends_a_byte_order_mark_and_quotes_are_fine(tmp_path):
    path = tmp_path / "q.csv"
    cells = ",".join(f'"{cell}"' for cell in GOOD.split(","))
    path.write_bytes(f"\ufeff{QUOTE_HEADER}\r\n{cells}\r\n\r\n".encode())
    assert price_import(path=path).new == 1


def test_progress_counts_up_to_the_rows(write):
    seen = []
    price_import(path=write(GOOD), on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, None), (1, 1)]


# -------------------------------------------------------------------------------------------- bad
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2026-05-01T12:00:00Z,USDT,BOB,x,abc,9,,,,,,", "bid: not a number"),
        ("2026-05-01T12:00:00Z,USDT,BOB,x,9,inf,,,,,,", "ask: not a number"),
        ("2026-05-01T12:00:00Z,USDT,BOB,x,9,-Infinity,,,,,,", "ask: not a number"),
        ("2026-05-01T12:00:00Z,USDT,BOB,x,0,9,,,,,,", "bid: a price must be above zero"),
        ("2026-05-01T12:00:00Z,USDT,BOB,x,9e-13,9,,,,,,", "bid: must lie between"),
        ("2026-05-01T12:00:00Z,USDT,BOB,x,-1,9,,,,,,", "bid: a price must be above zero"),
        ("2026-05-01T12:00:00Z,USDT,BOB,x,1e14,9,,,,,,", "bid: must lie between"),
        ("2026-05-01T12:00:00Z,USDT,BOB,x,9,9,,,-1,,,", "bid_volume: must not be negative"),
        ("2026-05-01T12:00:00Z,USDT,BOB,x,9,9,,,,,1.5,", "bid_offers: not a whole number"),
        ("2026-05-01T12:00:00Z,USDT,BOB,x,9,9,,,,,3e9,", "bid_offers: must lie between"),
        ("2026-05-01T12:00:00Z,USDT,BOB,x,,,1,1,,,,", "price: no price at all"),
        ("2026-02-30T12:00:00Z,USDT,BOB,x,9,9,,,,,,", "timestamp: not an ISO"),
        ("yesterday,USDT,BOB,x,9,9,,,,,,", "timestamp: not an ISO"),
        (",USDT,BOB,x,9,9,,,,,,", "timestamp: not an ISO"),
        ("2099-01-01,USDT,BOB,x,9,9,,,,,,", "timestamp: in the future"),
        ("2008-12-31,USDT,BOB,x,9,9,,,,,,", "timestamp: before 2009"),
        ("2026-05-01T12:00:00Z,US DT,BOB,x,9,9,,,,,,", "market: not a market"),
        ("2026-05-01T12:00:00Z,,BOB,x,9,9,,,,,,", "market: not a market"),
        (f"2026-05-01T12:00:00Z,{'A' * 21},BOB,x,9,9,,,,,,", "market: a code"),
        ("2026-05-01T12:00:00Z,USDT,BOB,x,9,9", "columns"),
        ('2026-05-01T12:00:00Z,"USDT,BOB,x,9,9,,,,,,', "columns"),
        ("\x00\x01,,,,,,,,,,,", "timestamp: not an ISO"),
    ],
)
def test_a_bad_row_is_set_aside_and_stops_nobody(write, tmp_path, row, reason):
    other = GOOD.replace("12:00", "13:00")
    report = price_import(path=write(GOOD, row, other), rejects_dir=tmp_path / "bad")
    assert (report.read, report.new, report.rejected) == (3, 2, 1)
    assert Market.objects.count() == 1
    with report.rejects_path.open(newline="") as stream:
        [reject] = csv.DictReader(stream)
    assert reject["row"] == "3"
    assert reason in reject["reason"]


def test_rejects_lie_with_the_logs_by_default(write):
    report = price_import(path=write("x,USDT,BOB,x,9,9,,,,,,"))
    assert report.rejects_path.parent == conf().logs
    assert report.markets == []


def test_the_file_of_rejects_is_only_made_for_rejects(write):
    assert price_import(path=write(GOOD)).rejects_path is None
    assert not conf().logs.exists()


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("timestamp,asset,fiat,exchange,median,mean", "ambiguous_columns"),
        ("asset,fiat,bid,ask", "bad_header"),
        ("timestamp,asset,fiat,exchange,bid,bid_price", "ambiguous_columns"),
        ("timestamp,asset,fiat,ask_price", "market_required"),
    ],
)
def test_a_header_that_cannot_be_used_is_named(write, header, code):
    error = refusal(write("2026-05-01T12:00:00Z,2.5,3.5,4.5", header=header))
    assert error.code == code


def test_files_that_cannot_be_read_say_why(tmp_path, write):
    assert refusal(tmp_path / "none.csv").code == "no_file"
    assert refusal(tmp_path).code == "no_file"
    (tmp_path / "empty.csv").touch()
    assert refusal(tmp_path / "empty.csv").code == "empty_file"
    assert refusal(write(GOOD, name="plain.csv.gz")).code == "bad_file"
    assert refusal(write(GOOD, name="plain.parquet")).code == "bad_file"
    (tmp_path / "torn.parquet").write_bytes(b"PAR1" + b"\x00" * 40)
    assert refusal(tmp_path / "torn.parquet").code == "bad_file"
    whole = gzip.compress("\n".join([QUOTE_HEADER, *[GOOD] * 99]).encode())
    (tmp_path / "torn.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert refusal(tmp_path / "torn.csv.gz").code == "bad_file"


def test_who_names_the_market_must_be_clear(write):
    plain = write("2026-05-01,1", header="timestamp,value")
    assert refusal(plain).code == "market_required"
    assert refusal(plain, market="BTC").code == "bad_market"
    assert refusal(write(GOOD), market="A/B@c").code == "market_given_twice"


# ------------------------------------------------------------------------------------------- real
def test_a_real_recording_is_imported_whole_and_once(shared_data):
    path = shared_data / "usdt_bob_binance_p2p.csv.gz"
    report = price_import(path=path)
    assert (report.read, report.new, report.rejected) == (22713, 22713, 0)
    assert Market.objects.get().cadence_minutes == 30
    again = price_import(path=path)
    assert (again.new, again.updated, again.unchanged) == (0, 0, 22713)


def test_seventeen_exchanges_in_one_file_become_markets(shared_data):
    report = price_import(path=shared_data / "usdt_irt_17_exchanges_2021.csv.gz")
    assert report.new + report.merged == 1700
    assert len(report.markets) == Market.objects.count() == 17
