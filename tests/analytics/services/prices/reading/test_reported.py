"""Inputs of public bug reports, small and with own numbers: what each of them has to become."""

# ruff: noqa: E501  (tables: a case a line)
from __future__ import annotations

import pytest

from .cases import Case, case, check, found_rows, read

OURS = "timestamp,asset,fiat,exchange,bid_price,ask_price\n"
TRACKER = "fecha_utc,fecha_bolivia,mercado,fiat,lado,mejor_precio_bruto,mejor_precio_limpio,promedio_top5_limpio,cantidad_anuncios,liquidez_total_usdt\n"
REPORTED = [
    case("01: a candle dump in microseconds", "1740787200000000,0.24987,0.25012,0.24962,0.24997,1000.5,1740788099999999,250.1,10,500.0,125.0,0\n1740788100000000,0.25012,0.25037,0.24987,0.25022,1001.5,1740788999999999,251.1,11,500.0,125.0,0\n", "2025-03-01T00:00 price=0.24997 volume=1000.5\n2025-03-01T00:15 price=0.25022 volume=1001.5"),
    case("02: candles in seconds", "timestamp,open,high,low,close,volume\n1740787200,4105.0497,4146.1,4063.9,4104.5,12\n1740790800,4100.03,4141.03,4059.02,4099.25,12\n", "2025-03-01T00:00 price=4104.5 volume=12\n2025-03-01T01:00 price=4099.25 volume=12"),
    case("02: candles in milliseconds", "timestamp,open,high,low,close,volume\n1740787200000,4105.0497,4146.1,4063.9,4104.5,12\n", "2025-03-01T00:00 price=4104.5 volume=12"),
    case("03: Date, Open ... Adj Close", "Date,Open,High,Low,Close,Adj Close,Volume\n2024-01-01,43249.24,43681.73,42816.74,43250.5,43249.24,100\n", "2024-01-01T00:00 price=43250.5 volume=100"),
    case("05: semicolons and decimal commas", "timestamp;value\n2025-03-01 00:00:00;11,60\n2025-03-01 00:30:00;11,58\n", "2025-03-01T00:00 price=11.6\n2025-03-01T00:30 price=11.58"),
    case("07: a mark, CRLF, quotes, a comma in a note", '﻿"Timestamp","Value","Note"\r\n"2025-03-01T00:00:00Z","6.9848","ok, fine"\r\n'.encode(), "2025-03-01T00:00 price=6.9848"),
    case("08: UTF-16", "timestamp,value\n2025-03-01T00:00:00Z,7.0153\n".encode("utf-16"), "2025-03-01T00:00 price=7.0153", said=["utf-16"]),
    case("09: a line break in quotes", 'timestamp,asset,fiat,exchange,remark,bid_price,ask_price\n2025-03-01T00:00:00Z,USDT,BOB,binance_p2p,"fast\npay",11.57,11.62\n2025-03-01T00:30:00Z,USDT,BOB,binance_p2p,"bank",11.56,11.61\n', "2025-03-01T00:00 bid=11.57 ask=11.62\n2025-03-01T00:30 bid=11.56 ask=11.61", market=None),
    case("10: a line before the header", "# data of an exchange, see the site\ntimestamp,asset,fiat,exchange,open,high,low,close,volume\n2025-03-01T00:00:00Z,USDT,ARS,p2p,1198.45,1199,1198,1198.5,5\n", "2025-03-01T00:00 price=1198.5 volume=5", market=None, said=["USDT/ARS@p2p (named by the file itself)"]),
    case("12: words for unknown", OURS + "".join(f"2025-03-01T0{n}:00:00Z,USDT,VES,p2p,{word},36.3{n}\n" for n, word in enumerate(["36.022", "NaN", "null", "None", "N/A", ""])), "2025-03-01T00:00 bid=36.022 ask=36.30\n" + "\n".join(f"2025-03-01T0{n}:00 ask=36.3{n}" for n in range(1, 6)), market=None),
    case("14: a local time is said to be read as UTC", "timestamp,value\n2025-04-05T22:30:00,951.28\n2025-04-05T23:00:00,950.58\n", "2025-04-05T22:30 price=951.28\n2025-04-05T23:00 price=950.58", said=["read as UTC", "--tz"]),
    case("14: its zone keeps the doubled hour apart", "timestamp,value\n2025-04-05T23:00:00,1.5\n2025-04-05T23:30:00,2.5\n2025-04-05T23:00:00,3.5\n2025-04-05T23:30:00,4.5\n2025-04-06T00:00:00,5.5\n", "2025-04-06T02:00 price=1.5\n2025-04-06T02:30 price=2.5\n2025-04-06T03:00 price=3.5\n2025-04-06T03:30 price=4.5\n2025-04-06T04:00 price=5.5", tz="America/Santiago"),
    case("15: unsorted and doubled rows stay as they are", OURS + "2025-03-01T09:00:00Z,USDT,BOB,b,12.01,12.13\n2025-03-01T08:30:00Z,USDT,BOB,b,11.98,12.10\n2025-03-01T09:00:00Z,USDT,BOB,b,12.01,12.13\n", "2025-03-01T09:00 bid=12.01 ask=12.13\n2025-03-01T08:30 bid=11.98 ask=12.1\n2025-03-01T09:00 bid=12.01 ask=12.13", market=None),
    case("16: digits of any script, and what is no number", "timestamp,value\n2025-03-01T00:00:00Z,１１.９５\n2025-03-01T00:30:00Z,١١٫٩٦\n2025-03-01T01:00:00Z,1_2.5\n", "2025-03-01T00:00 price=11.95\n2025-03-01T00:30 price=11.96", rejects=["4 price: not a number"]),
    case("20: three decimals in every row", OURS + "2024-09-01T00:00:00Z,USDT,BOB,p2p,11.586,11.632\n2025-03-17T23:30:00Z,USDT,BOB,p2p,11.933,11.980\n", "2024-09-01T00:00 bid=11.586 ask=11.632\n2025-03-17T23:30 bid=11.933 ask=11.98", market=None),
    case("23: a peg", "timestamp,value\n2025-03-01T00:00:00Z,6.96\n2025-03-01T00:30:00Z,6.96\n", "2025-03-01T00:00 price=6.96\n2025-03-01T00:30 price=6.96"),
    case("27: the tracker's raw file", TRACKER + "2026-07-29 03:49:48,2026-07-28 23:49:48,USD-Zinli,USD,compra,1.013,1.013,1.0148,20,59239.06\n2026-07-29 03:49:48,2026-07-28 23:49:48,BOB-todos,BOB,compra,11.5,11.88,11.882,20,26973.13\n2026-07-29 03:49:48,2026-07-28 23:49:48,BOB-todos,BOB,venta,11.84,11.84,11.83,19,586816.28\n", "2026-07-29T03:49:48 bid=11.84 ask=11.88 bid_volume=586816.28 ask_volume=26973.13 bid_offers=19 ask_offers=20", market="USDT/BOB@binance_p2p"),
    case("27: the file that its owner made of it", "timestamp,asset,fiat,exchange,bid_price,ask_price,bid_offers,ask_offers\n2026-07-29 03:49:48,USDT,BOB,binance_p2p,11.84,11.88,20,20\n", "2026-07-29T03:49:48 bid=11.84 ask=11.88 bid_offers=20 ask_offers=20", market=None),
    case("28: daily rates of yadio", "fecha,tasa_yadio\n2025-07-31,13.7152\n2025-08-01,13.7323\n", "2025-07-31T00:00 price=13.7152\n2025-08-01T00:00 price=13.7323"),
    case("29: prices with an exponent", "Time,Open,High,Low,Close,Volume\n2021-05-10 11:00:00,1.412e-05,5e-05,1.412e-05,3.932e-05,5918827652737.0\n", "2021-05-10T11:00 price=3.932e-05 volume=5918827652737", market="SHIB/USDT@binance"),
    case("30: a quote of the future, as the API gets it", [{"timestamp": "2099-03-18T00:00:00Z", "bid": 11.9, "ask": 12}, {"timestamp": "2026-03-18T00:00:00Z", "bid": 12.9, "ask": 13}], "2026-03-18T00:00 bid=12.9 ask=13", rejects=["1 timestamp: in the future"]),
    case("34: unknown sides in rows of JSON", [{"timestamp": "2026-03-18T00:00:00Z", "bid": None, "ask": 12.05}, {"timestamp": "2026-03-18T00:30:00Z", "bid": None, "ask": None}], "2026-03-18T00:00 ask=12.05", rejects=["no price at all"]),
]  # fmt: skip


@pytest.mark.parametrize("given", REPORTED)
def test_a_reported_input_is_read_as_its_owner_means_it(given: Case) -> None:
    check(given)


def test_a_file_that_names_its_market_says_it_row_by_row() -> None:
    rows = found_rows(read(OURS + "2025-03-01T00:00:00Z,USDT,BOB,b,12.01,12.13\n", market=None), symbols=True)  # fmt: skip
    assert rows == ["2025-03-01T00:00 USDT/BOB@b bid=12.01 ask=12.13"]
