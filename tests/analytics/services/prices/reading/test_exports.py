"""What exchanges, price services, banks and collectors really export."""

# ruff: noqa: E501  (tables: a case a line)
from __future__ import annotations

import json

import pytest

from .cases import Case, case, check

OHLC = "2025-03-01T00:00 price=1.2 volume=77\n2025-03-01T01:00 price=1.25 volume=78"
TIMES = {
    "s": (1740787200, 1740790800),
    "ms": (1740787200000, 1740790800000),
    "us": (1740787200000000, 1740790800000000),
    "ns": (1740787200000000000, 1740790800000000000),
}


def kline(unit: str) -> str:
    first, second = TIMES[unit]
    step = second - first - 1
    return (
        f"{first},1.10,1.30,1.00,1.20,77,{first + step},92.4,10,30.5,36.6,0\n"
        f"{second},1.20,1.30,1.15,1.25,78,{second + step},97.5,11,30.5,38.1,0\n"
    )


KLINE_HEADER = "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,Taker buy base asset volume,Taker buy quote asset volume,Ignore\n"
KLINE_NAMES = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"

CANDLES = [
    case("Binance, milliseconds", kline("ms"), OHLC, said=["header: none"]),
    case("Binance, microseconds", kline("us"), OHLC),
    case("Binance with its later header", KLINE_NAMES + kline("ms"), OHLC),
    case("Binance with the header of its documentation", KLINE_HEADER + kline("us"), OHLC),
    case("Binance, milliseconds then microseconds", kline("ms") + kline("us"), OHLC + "\n" + OHLC),
    case("Kraken OHLCVT", "1740787200,1.1,1.3,1.0,1.2,77,5\n1740790800,1.2,1.3,1.15,1.25,78,6\n", OHLC),
    case("Kraken's API in csv, with a VWAP", "1740787200,1.1,1.3,1.0,1.2,1.15,77,5\n1740790800,1.2,1.3,1.15,1.25,1.22,78,6\n", OHLC),
    case("Kraken trades", "1740787200.1234,1.2,0.77\n1740790800.5,1.25,0.000078\n", "2025-03-01T00:00:00.123400 price=1.2 volume=0.77\n2025-03-01T01:00:00.500000 price=1.25 volume=0.000078"),
    case("five columns", "1740787200,1.1,1.3,1.0,1.2\n1740790800,1.2,1.3,1.15,1.25\n", OHLC.replace(" volume=77", "").replace(" volume=78", "")),
    case("ISO times, no header", "2025-03-01 00:00,1.1,1.3,1.0,1.2,77\n2025-03-01 01:00,1.2,1.3,1.15,1.25,78\n", OHLC),
    case("Bitfinex: close before high", "1740787200000,1.1,1.2,1.3,1.0,77\n1740790800000,1.2,1.25,1.3,1.15,78\n", OHLC),
    case("Coinbase: low and high first, newest first", "1740790800,1.15,1.3,1.2,1.25,78\n1740787200,1.0,1.3,1.1,1.2,77\n", "\n".join(OHLC.splitlines()[::-1])),
    case("no header and no order that fits", "1740787200,1.1,9.3,7.0,1.2,77\n", stops="ambiguous_columns"),
    case("two sides without a header", "1740787200,11.5,11.6\n1740790800,11.6,11.7\n", stops="ambiguous_columns"),
    case("and what they are is said", "1740787200,11.5,11.6\n", "2025-03-01T00:00 bid=11.5 ask=11.6", columns={"time": "1", "bid": "2", "ask": "3"}),
    case("constant candles", "1740787200,6.96,6.96,6.96,6.96,0\n1740790800,6.96,6.96,6.96,6.96,0\n", "2025-03-01T00:00 price=6.96 volume=0\n2025-03-01T01:00 price=6.96 volume=0"),
    case("CCXT", "timestamp,open,high,low,close,volume\n1740787200000,1.1,1.3,1.0,1.2,77\n1740790800000,1.2,1.3,1.15,1.25,78\n", OHLC),
    case("TradingView", "time,open,high,low,close,Volume\n1740787200,1.1,1.3,1.0,1.2,77\n1740790800,1.2,1.3,1.15,1.25,78\n", OHLC),
    case("yfinance", "Date,Open,High,Low,Close,Adj Close,Volume\n2025-03-01 00:00:00+00:00,1.1,1.3,1.0,1.2,1.2,77\n2025-03-01 01:00:00+00:00,1.2,1.3,1.15,1.25,1.2,78\n", OHLC),
    case("yfinance since 2024", "Price,Close,High,Low,Open,Volume\nTicker,BTC-USD,BTC-USD,BTC-USD,BTC-USD,BTC-USD\nDate,,,,,\n2025-03-01,1.2,1.3,1.0,1.1,77\n2025-03-02,1.25,1.3,1.15,1.2,78\n", "2025-03-01T00:00 price=1.2 volume=77\n2025-03-02T00:00 price=1.25 volume=78", market="BTC/USD@yahoo"),
    case("yfinance since 2024, two tickers", "Price,Close,Close,Volume,Volume\nTicker,BTC-USD,ETH-USD,BTC-USD,ETH-USD\nDate,,,,\n2025-03-01,1.2,9.9,77,1\n2025-03-02,1.25,9.8,78,2\n", "2025-03-01T00:00 price=9.9 volume=1\n2025-03-02T00:00 price=9.8 volume=2", market="ETH/USD@yahoo"),
    case("Yahoo in Spanish", "Fecha,Abrir,Máx.,Mín.,Cerrar*,Cierre ajustado**,Volumen\n01-mar-2025,1.1,1.3,1.0,1.2,1.2,77\n", "2025-03-01T00:00 price=1.2 volume=77"),
    case("CoinGecko", "snapped_at,price,market_cap,total_volume\n2025-03-01 00:00:00 UTC,84349.6441,1.6e12,3.1e10\n2025-03-02 00:00:00 UTC,86064.5,1.7e12,3.2e10\n", "2025-03-01T00:00 price=84349.6441\n2025-03-02T00:00 price=86064.5"),
    case("CoinMarketCap", 'timeOpen;timeClose;timeHigh;timeLow;name;open;high;low;close;volume;marketCap;timestamp\n"2025-03-01T00:00:00.000Z";"2025-03-01T23:59:59.999Z";"2025-03-01T05:00:00.000Z";"2025-03-01T07:00:00.000Z";"2781";1.1;1.3;1.0;1.2;77;9.5;"2025-03-01T23:59:59.999Z"\n', "2025-03-01T00:00 price=1.2 volume=77"),
    case("CryptoDataDownload", "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USD,tradecount\n1740790800000,2025-03-01 01:00:00,BTC/USD,1.2,1.3,1.15,1.25,78,97.5,6\n1740787200000,2025-03-01 00:00:00,BTC/USD,1.1,1.3,1.0,1.2,77,92.4,5\n", "\n".join(OHLC.splitlines()[::-1]), market="BTC/USD@bitstamp"),
    case("CryptoDataDownload of another pair", "unix,date,symbol,open,high,low,close,Volume ETH\n1740790800000,2025-03-01 01:00:00,ETH/EUR,1.2,1.3,1.15,1.25,78\n", stops="market_given_twice", market="BTC/USD@bitstamp", said=["ETH/EUR"]),
    case("CryptoCompare", "time,high,low,open,volumefrom,volumeto,close\n1740787200,1.3,1.0,1.1,77,92.4,1.2\n1740790800,1.3,1.15,1.2,78,97.5,1.25\n", OHLC),
    case("Bitcoincharts on Kaggle", "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price\n1740787200,1.1,1.3,1.0,1.2,77,92.4,1.15\n1740790800,NaN,NaN,NaN,NaN,NaN,NaN,NaN\n", OHLC.splitlines()[0], rejects=["no price at all"], market="BTC/USD@bitstamp"),
    case("stooq", "Date,Open,High,Low,Close,Volume\n2025-03-01,1.1,1.3,1.0,1.2,77\n", "2025-03-01T00:00 price=1.2 volume=77"),
    case("Dukascopy", "Gmt time,Open,High,Low,Close,Volume\n01.03.2025 00:00:00.000,1.1,1.3,1.0,1.2,77\n13.03.2025 01:00:00.000,1.2,1.3,1.15,1.25,78\n", OHLC.replace("01T01", "13T01")),
    case("Dukascopy, local time", "Local time,Close\n13.03.2025 00:00:00.000 GMT-0400,1.2\n", "2025-03-13T04:00 price=1.2"),
    case("HistData", "20250301 000000;1.1;1.3;1.0;1.2;0\n20250301 010000;1.2;1.3;1.15;1.25;0\n", "2025-03-01T00:00 price=1.2 volume=0\n2025-03-01T01:00 price=1.25 volume=0"),
    case("FXCM, both sides", "DateTime,BidOpen,BidHigh,BidLow,BidClose,AskOpen,AskHigh,AskLow,AskClose\n03/13/2025 00:00:00.000,1.1,1.3,1.0,1.2,1.2,1.4,1.1,1.3\n", "2025-03-13T00:00 bid=1.2 ask=1.3"),
    case("Freqtrade", "date,open,high,low,close,volume\n2025-03-01 00:00:00+00:00,1.1,1.3,1.0,1.2,77\n2025-03-01 01:00:00+00:00,1.2,1.3,1.15,1.25,78\n", OHLC),
    case("letters for names", "t,o,h,l,c,v\n1740787200,1.1,1.3,1.0,1.2,77\n1740790800,1.2,1.3,1.15,1.25,78\n", OHLC),
    case("open, high and low only", "date,open,high,low\n2025-03-01,1.1,1.3,1.0\n", stops="bad_header"),
]  # fmt: skip


RATES = [
    case("investing.com in Spanish", '﻿"Fecha","Último","Apertura","Máximo","Mínimo","Vol.","% var."\n"13.03.2025","4.103,25","4.100,00","4.110,50","4.099,00","1,23K","0,12%"\n"12.03.2025","4.098,00","4.101,00","4.120,00","4.090,00","2,5M","-0,05%"\n', "2025-03-13T00:00 price=4103.25 volume=1230\n2025-03-12T00:00 price=4098 volume=2500000", market="USD/COP@investing"),
    case("investing.com in English", '"Date","Price","Open","High","Low","Vol.","Change %"\n"03/13/2025","4,103.25","4,100.00","4,110.50","4,099.00","","0.12%"\n"03/12/2025","4,098.00","4,101.00","4,120.00","4,090.00","","-0.05%"\n', "2025-03-13T00:00 price=4103.25\n2025-03-12T00:00 price=4098", market="USD/COP@investing"),
    case("investing.com, whole thousands", '"Date","Price","Vol."\n"Mar 13, 2025","4,103",""\n"Mar 12, 2025","4,098",""\n', stops="ambiguous_decimal", market="USD/COP@investing"),
    case("FRED", "observation_date,DEXBZUS\n2025-03-13,5.7924\n2025-03-14,.\n2025-03-17,5.6806\n", "2025-03-13T00:00 price=5.7924\n2025-03-17T00:00 price=5.6806", market="USD/BRL@fred", rejects=["no price at all"]),
    case("ECB: a column a currency", "Date,USD,JPY,BRL,\n2025-03-13,1.0864,160.9,6.3,\n2025-03-12,1.0895,161.7,6.33,\n", "2025-03-13T00:00 price=6.3\n2025-03-12T00:00 price=6.33", market="EUR/BRL@ecb"),
    case("Central Bank", "Banco Central de Bolivia\nTipo de cambio oficial y de referencia\n\nFecha;Compra;Venta\n13/03/2025;6,86;6,96\n14/03/2025;6,86;6,96\n", "2025-03-13T00:00 bid=6.86 ask=6.96\n2025-03-14T00:00 bid=6.86 ask=6.96", market="USD/BOB@bcb"),
    case("Google Sheets in es-BO", 'Fecha,Compra,Venta\n13/03/2025 10:30:00,"11,50","11,60"\n14/03/2025 10:30:00,"11,55","11,65"\n', "2025-03-13T10:30 bid=11.5 ask=11.6\n2025-03-14T10:30 bid=11.55 ask=11.65"),
    case("Excel in es-BO", "Fecha;Compra;Venta\r\n13/03/2025 10:30;11,50;11,60\r\n14/03/2025 10:30;11,55;11,65\r\n", "2025-03-13T10:30 bid=11.5 ask=11.6\n2025-03-14T10:30 bid=11.55 ask=11.65"),
    case("yadio", "fecha,tasa_yadio\n2025-07-31,13.7152\n2025-08-01,13.7323\n", "2025-07-31T00:00 price=13.7152\n2025-08-01T00:00 price=13.7323"),
    case("Bluelytics' evolution", "day,type,value_buy,value_sell\n2025-03-14,Oficial,1055,1095\n2025-03-14,Blue,1210,1230\n", "2025-03-14T00:00 bid=1210 ask=1230", market="USD/ARS@blue", columns={"exchange": "type"}),
    case("several kinds of rate, none asked for", "fecha;casa;compra;venta\n2025-03-14;oficial;1055;1095\n2025-03-14;blue;1210;1230\n", stops="ambiguous_market", market="USD/ARS@argentina", said=["oficial, blue", "USD/ARS@blue"]),
    case("one of them is asked for", "fecha;casa;compra;venta\n2025-03-14;oficial;1055;1095\n2025-03-14;blue;1210;1230\n", "2025-03-14T00:00 bid=1210 ask=1230", market="USD/ARS@dolarapi_blue", said=["rows of others are left out: oficial"]),
    case("our own simulation and data", "timestamp,asset,fiat,exchange,bid_price,ask_price,bid_vwap,ask_vwap,bid_volume,ask_volume,bid_offers,ask_offers\n2026-05-01T12:00:00Z,USDT,BOB,x,9.30,9.35,9.2,9.4,1000.5,2000,12,15\n", "2026-05-01T12:00 bid=9.3 ask=9.35 bid_vwap=9.2 ask_vwap=9.4 bid_volume=1000.5 ask_volume=2000 bid_offers=12 ask_offers=15", market=None),
    case("best, median, mean of a side", "timestamp,bid_ads,bid_median,bid_mean,ask_ads,ask_median,ask_mean\n2026-05-01T12:00:00Z,20,9.3,9.31,20,9.4,9.41\n", stops="ambiguous_columns", said=["bid=bid_median"]),
    case("which is said", "timestamp,bid_ads,bid_median,bid_mean,ask_ads,ask_median,ask_mean\n2026-05-01T12:00:00Z,20,9.3,9.31,20,9.4,9.41\n", "2026-05-01T12:00 bid=9.3 ask=9.4 bid_offers=20 ask_offers=20", columns={"bid": "bid_median", "ask": "ask_median"}),
]  # fmt: skip


TRACKER = """fecha_utc,fecha_bolivia,mercado,fiat,lado,mejor_precio_bruto,mejor_precio_limpio,promedio_top5_limpio,mediana_top10,descartados,precios_descartados,cantidad_anuncios,liquidez_total_usdt,mejor_min_orden,mejor_max_orden,mejor_comerciante,mejor_tipo,mejor_ordenes_mes,mejor_tasa_completado,metodos_pago_vistos,promocionados,precio_promocionado
2026-07-29 03:49:48,2026-07-28 23:49:48,USD-Zinli,USD,compra,1.013,1.013,1.0148,1.016,0,,20,59239.06,370,370,user0,merchant,1281,0.989,Zinli,0,
2026-07-29 03:49:48,2026-07-28 23:49:48,BOB-todos,BOB,compra,11.5,11.88,11.882,11.89,1,11.5,20,26973.13,1000,1600,user2,user,734,1.0,BANK|Bisa,1,11.99
2026-07-29 03:49:48,2026-07-28 23:49:48,BOB-todos,BOB,venta,11.84,11.84,11.83,11.8,0,,19,586816.28,100,500,user3,user,5,1.0,BANK,1,11.06
"""
P2P = [
    case("the tracker of ads, one fiat", TRACKER, "2026-07-29T03:49:48 bid=11.84 ask=11.88 bid_volume=586816.28 ask_volume=26973.13 bid_offers=19 ask_offers=20", said=["rows of others are left out: USD", "mejor_precio_limpio", "the name of the column says so"]),
    case("the other fiat", TRACKER, "2026-07-29T03:49:48 ask=1.013 ask_volume=59239.06 ask_offers=20", market="USDT/USD@zinli"),
    case("a fiat that it lacks", TRACKER, stops="market_given_twice", market="USDT/VES@x"),
    case("no market", TRACKER, stops="market_required", market=None),
    case("a row a side, in a market's words", "time,side,price\n2026-07-29 03:00,BUY,11.8\n2026-07-29 03:00,SELL,11.9\n2026-07-29 04:00,BUY,11.7\n2026-07-29 04:00,SELL,11.9\n", "2026-07-29T03:00 bid=11.8 ask=11.9\n2026-07-29T04:00 bid=11.7 ask=11.9", said=["bid: buy"]),
    case("a row a side, from who takes", "time,side,price\n2026-07-29 03:00,BUY,11.9\n2026-07-29 03:00,SELL,11.8\n", "2026-07-29T03:00 bid=11.8 ask=11.9", said=["bid: sell"]),
    case("a row a side, bid and ask", "time,side,price,volume\n2026-07-29 03:00,bid,11.9,5\n2026-07-29 03:00,ask,11.8,6\n", "2026-07-29T03:00 bid=11.9 ask=11.8 bid_volume=5 ask_volume=6"),
    case("all of one side first, another market between", "time,side,symbol,exchange,price\n2026-07-29 03:00,bid,USDT/BOB,x,11.8\n2026-07-29 04:00,bid,USDT/BOB,x,11.7\n2026-07-29 04:00,bid,USDT/VES,x,90\n2026-07-29 03:00,ask,USDT/BOB,x,11.9\n2026-07-29 04:00,ask,USDT/VES,x,91\n", "2026-07-29T03:00 bid=11.8 ask=11.9\n2026-07-29T04:00 bid=11.7\n2026-07-29T04:00 bid=90 ask=91", market=None),
    case("a side under a strange name", "time,tx,price\n2026-07-29 03:00,compra,11.8\n2026-07-29 03:00,venta,11.9\n", "2026-07-29T03:00 bid=11.8 ask=11.9"),
    case("a row a side, a bad one among them", "time,side,price\n2026-07-29 03:00,bid,11.8\n2026-07-29 03:00,ask,abc\n2026-07-29 04:00,mid,11.7\n2026-07-29 04:00,ask,11.9\n", "2026-07-29T03:00 bid=11.8\n2026-07-29T04:00 ask=11.9", rejects=["3 ask: not a number", "4 side: neither"]),
    case("trades by side", "time,side,price\n2026-07-29 03:00,buy,11.9\n2026-07-29 03:01,sell,11.8\n", stops="ambiguous_sides"),
    case("trades without their side", "time,side,price\n2026-07-29 03:00,buy,11.9\n2026-07-29 03:01,sell,11.8\n", "2026-07-29T03:00 price=11.9\n2026-07-29T03:01 price=11.8", columns={"side": ""}),
    case("its words are said", "time,side,price\n2026-07-29 03:00,buy,11.9\n2026-07-29 03:01,sell,11.8\n", "2026-07-29T03:00 ask=11.9\n2026-07-29T03:01 bid=11.8", columns={"ask": "buy", "bid": "sell"}),
    case("single offers", "timestamp,side,rank,price\n" + "".join(f"2026-07-29T03:00:00Z,{s},{r},{11.8 + r / 100}\n" for s in ("bid", "ask") for r in range(9)), stops="single_offers"),
]  # fmt: skip


SIDES = [
    case("compra below venta", "fecha;compra;venta\n2025-03-01;11,5;11,6\n2025-03-02;11,5;11,6\n", "2025-03-01T00:00 bid=11.5 ask=11.6\n2025-03-02T00:00 bid=11.5 ask=11.6", said=["bid: compra", "100 %"]),
    case("compra above venta", "fecha;compra;venta\n2025-03-01;11,6;11,5\n", "2025-03-01T00:00 bid=11.5 ask=11.6", said=["bid: venta"]),
    case("buy and sell, one row crossed in twenty", "date,buy,sell\n" + "2025-03-01,11.5,11.6\n" * 19 + "2025-03-02,11.7,11.6\n", "2025-03-01T00:00 bid=11.5 ask=11.6\n" * 19 + "2025-03-02T00:00 bid=11.7 ask=11.6"),
    case("as often one as the other", "date,buy,sell\n2025-03-01,11.5,11.6\n2025-03-02,11.7,11.6\n", stops="ambiguous_sides", said=["--columns bid=buy,ask=sell"]),
    case("as the last time", "date,buy,sell\n2025-03-01,11.5,11.6\n2025-03-02,11.7,11.6\n", "2025-03-01T00:00 bid=11.6 ask=11.5\n2025-03-02T00:00 bid=11.6 ask=11.7", remembered={"sides": {"buy": "ask"}}),
    case("as said", "date,buy,sell\n2025-03-01,11.5,11.6\n2025-03-02,11.7,11.6\n", "2025-03-01T00:00 bid=11.5 ask=11.6\n2025-03-02T00:00 bid=11.7 ask=11.6", columns={"bid": "buy", "ask": "sell"}),
    case("no row knows both", "date,buy,sell\n2025-03-01,11.5,\n2025-03-02,,11.6\n", stops="ambiguous_sides"),
    case("one side only", "fecha;compra\n2025-03-01;11,5\n", stops="ambiguous_sides", said=["--columns bid=compra", "--columns price=compra"]),
    case("one sure side only", "date,bid\n2025-03-01,11.5\n", "2025-03-01T00:00 bid=11.5"),
    case("bid and ask are taken as they are", "date,bid,ask\n2025-03-01,11.6,11.5\n", "2025-03-01T00:00 bid=11.6 ask=11.5"),
    case("no spread", "fecha;compra;venta\n2025-03-01;6,96;6,96\n", "2025-03-01T00:00 bid=6.96 ask=6.96"),
    case("volumes go with their sides", "date,buy_price,sell_price,buy_volume,sell_volume\n2025-03-01,11.6,11.5,1.5,2.5\n", "2025-03-01T00:00 bid=11.5 ask=11.6 bid_volume=2.5 ask_volume=1.5"),
    case("two banks, a column each", "Fecha;BNB compra;BNB venta;Bisa compra;Bisa venta\n2025-03-01;6,86;6,96;6,85;6,97\n", stops="ambiguous_columns", said=["--columns buy=BNB compra"]),
    case("and which bank is said", "Fecha;BNB compra;BNB venta;Bisa compra;Bisa venta\n2025-03-01;6,86;6,96;6,85;6,97\n", "2025-03-01T00:00 bid=6.85 ask=6.97", columns={"buy": "Bisa compra", "sell": "Bisa venta"}),
    case("two kinds of rate, a column each", "Fecha;Oficial;Paralelo\n2025-03-01;6,96;11,5\n", stops="ambiguous_columns", said=["Oficial, Paralelo"]),
    case("a column of another currency", "time,price_ars\n2025-03-01T00:00Z,1150\n", stops="ambiguous_columns", said=["price_ars is not of the market USDT/BOB@t"]),
    case("a ticker of another asset", "Price,Close,Volume\nTicker,BTC-USD,BTC-USD\nDate,,\n2025-03-01,2.1,100\n", stops="ambiguous_columns", market="ETH/USD@yahoo"),
    case("a currency by its other name", "fecha;compra Bs;venta Bs\n2025-03-01;11,5;11,6\n", "2025-03-01T00:00 bid=11.5 ask=11.6"),
    case("one letter for a side", "fecha;tipo;precio\n2025-03-01;C;11,5\n2025-03-01;V;11,6\n", "2025-03-01T00:00 bid=11.5 ask=11.6"),
    case("a mean beside the sides", "fecha;compra;venta;promedio\n2025-03-01;11,5;11,6;11,55\n", "2025-03-01T00:00 bid=11.5 ask=11.6 price=11.55"),
    case("demand and offer", "fecha;Demanda;Oferta\n2025-03-01;11,5;11,6\n", "2025-03-01T00:00 bid=11.5 ask=11.6"),
    case("TC compra, TC venta", "Fecha;T.C. Compra;T.C. Venta\n2025-03-01;11,5;11,6\n", "2025-03-01T00:00 bid=11.5 ask=11.6"),
]  # fmt: skip


def dumped(value: object) -> str:
    return json.dumps(value)


CRIPTOYA = {"ask": 11.6, "totalAsk": 11.7, "bid": 11.5, "totalBid": 11.4, "time": 1740787200}
ONE = "2025-03-01T00:00 bid=11.5 ask=11.6"
JSON = [
    case("criptoya, one exchange", dumped(CRIPTOYA), ONE),
    case("criptoya, every exchange", dumped({"binancep2p": CRIPTOYA, "bybitp2p": CRIPTOYA | {"bid": 11.3}}), ONE, market="USDT/BOB@binance_p2p"),
    case("criptoya, none asked for", dumped({"binancep2p": CRIPTOYA, "bybitp2p": CRIPTOYA}), stops="ambiguous_market", market="USDT/BOB@criptoya"),
    case("DolarApi, one", dumped({"moneda": "USD", "casa": "oficial", "nombre": "Oficial", "compra": 6.86, "venta": 6.96, "fechaActualizacion": "2025-03-01T12:00:00.000Z"}), "2025-03-01T12:00 bid=6.86 ask=6.96", market="USD/BOB@dolarapi"),
    case("DolarApi, several", dumped([{"moneda": "USD", "casa": c, "compra": 6.86 + n, "venta": 6.96 + n, "fechaActualizacion": "2025-03-01T12:00:00.000Z"} for n, c in enumerate(("oficial", "binance"))]), "2025-03-01T12:00 bid=7.86 ask=7.96", market="USD/BOB@binance"),
    case("DolarApi of Venezuela", dumped([{"fuente": "paralelo", "nombre": "Paralelo", "compra": None, "venta": None, "promedio": 105.5, "fechaActualizacion": "2025-03-01T08:00:00-04:00"}]), "2025-03-01T12:00 price=105.5", market="USD/VES@paralelo"),
    case("Bluelytics", dumped({"oficial": {"value_avg": 1075.0, "value_sell": 1095.0, "value_buy": 1055.0}, "blue": {"value_avg": 1220.0, "value_sell": 1230.0, "value_buy": 1210.0}, "last_update": "2025-03-01T12:00:00-03:00"}), "2025-03-01T15:00 bid=1210 ask=1230 price=1220", market="USD/ARS@blue"),
    case("Bluelytics' evolution as JSON", dumped([{"date": "2025-03-01", "source": s, "value_sell": v + 10, "value_buy": v} for s, v in (("Oficial", 1055), ("Blue", 1210))]), "2025-03-01T00:00 bid=1210 ask=1220", market="USD/ARS@blue"),
    case("yadio, one rate", dumped({"request": {"amount": 1, "from": "USD", "to": "BOB"}, "result": 11.4, "rate": 11.4, "timestamp": 1740787200000}), "2025-03-01T00:00 price=11.4"),
    case("yadio, all rates", dumped({"BTC": 97000.5, "USD": {"ARS": 1200, "BOB": 11.4, "VES": 90.1}, "base": "USD", "timestamp": 1740787200000}), "2025-03-01T00:00 price=11.4"),
    case("rates by currency", dumped({"base": "USD", "timestamp": 1740787200, "rates": {"BOB": 6.91, "PEN": 3.75}}), "2025-03-01T00:00 price=6.91", market="USD/BOB@oxr"),
    case("CoinGecko", dumped({"prices": [[1740787200000, 84349.6441], [1740873600000, 86064.5]], "market_caps": [[1740787200000, 1.6e12]], "total_volumes": [[1740787200000, 3.1e10]]}), "2025-03-01T00:00 price=84349.6441\n2025-03-02T00:00 price=86064.5"),
    case("CoinGecko's candles", dumped([[1740787200000, 1.1, 1.3, 1.0, 1.2], [1740790800000, 1.2, 1.3, 1.15, 1.25]]), OHLC.replace(" volume=77", "").replace(" volume=78", "")),
    case("Kraken's answer", dumped({"error": [], "result": {"XXBTZUSD": [[1740787200, "1.1", "1.3", "1.0", "1.2", "1.15", "77", 5], [1740790800, "1.2", "1.3", "1.15", "1.25", "1.22", "78", 6]], "last": 1740790800}}), OHLC),
    case("Binance's answer", "[" + ",".join("[" + ",".join(f'"{c}"' if n in (1, 2, 3, 4, 5, 7, 9, 10, 11) else c for n, c in enumerate(line.split(","))) + "]" for line in kline("ms").splitlines()) + "]", OHLC),
    case("Bybit's answer", dumped({"retCode": 0, "result": {"symbol": "BTCUSDT", "list": [["1740790800000", "1.2", "1.3", "1.15", "1.25", "78", "97"], ["1740787200000", "1.1", "1.3", "1.0", "1.2", "77", "92"]]}}), "\n".join(OHLC.splitlines()[::-1])),
    case("records", dumped([{"timestamp": "2025-03-01T00:00:00Z", "price": 1.2, "volume": 77}, {"timestamp": "2025-03-01T01:00:00Z", "price": 1.25, "volume": 78}]), OHLC),
    case("records of text", dumped([{"fecha": "13/03/2025", "precio": "11,60"}]), "2025-03-13T00:00 price=11.6"),
    case("records in a wrapper", dumped({"status": "ok", "data": {"rows": [{"ts": 1740787200, "close": 1.2, "volume": 77}, {"ts": 1740790800, "close": 1.25, "volume": 78}]}}), OHLC),
    case("records that differ", dumped([{"ts": 1740787200, "bid": 11.5}, {"ts": 1740787200, "ask": 11.6}]), "2025-03-01T00:00 bid=11.5\n2025-03-01T00:00 ask=11.6"),
    case("records in records", dumped([{"time": 1740787200, "ticker": {"bid": 11.5, "ask": 11.6}}]), ONE),
    case("columns", dumped({"timestamp": [1740787200, 1740790800], "close": [1.2, 1.25], "volume": [77, 78]}), OHLC),
    case("pandas by columns", dumped({"timestamp": {"0": 1740787200000, "1": 1740790800000}, "close": {"0": 1.2, "1": 1.25}, "volume": {"0": 77, "1": 78}}), OHLC),
    case("pandas split", dumped({"columns": ["close", "volume"], "index": [1740787200000, 1740790800000], "data": [[1.2, 77], [1.25, 78]]}), OHLC),
    case("pandas table", dumped({"schema": {"fields": []}, "data": [{"timestamp": "2025-03-01T00:00:00.000Z", "close": 1.2, "volume": 77}, {"timestamp": "2025-03-01T01:00:00.000Z", "close": 1.25, "volume": 78}]}), OHLC),
    case("a header row in arrays", dumped([["time", "close", "volume"], [1740787200, 1.2, 77], [1740790800, 1.25, 78]]), OHLC),
    case("JSON lines", '{"ts":1740787200,"close":1.2,"volume":77}\n\n{"ts":1740790800,"close":1.25,"volume":78}\n', OHLC),
    case("NaN and null", '[{"ts":1740787200,"bid":NaN,"ask":11.6},{"ts":1740790800,"bid":null,"ask":11.7}]', "2025-03-01T00:00 ask=11.6\n2025-03-01T01:00 ask=11.7"),
    case("UTF-16 and a mark", dumped([{"ts": 1740787200, "bid": 11.5, "ask": 11.6}]).encode("utf-16"), ONE),
    case("thirteen digits of text", dumped([{"time": "1740787200000", "price": "11.586"}]), "2025-03-01T00:00 price=11.586", said=["a program"]),
    case("more digits than a float has", '[{"ts":1740787200,"price":11.60000000000000123},{"ts":1740787201,"price":11.6}]', "2025-03-01T00:00:01 price=11.6", rejects=["more digits"]),
    case("a number is certain", dumped([{"ts": 1740787200, "price": 4.103}, {"ts": 1740787201, "price": 4.25}]), "2025-03-01T00:00 price=4.103\n2025-03-01T00:00:01 price=4.25"),
    case("a number among text is certain", dumped([{"ts": 1740787200, "price": 4.103}, {"ts": 1740787201, "price": "4,25"}]), "2025-03-01T00:00 price=4.103\n2025-03-01T00:00:01 price=4.25"),
    case("what is neither number nor text", '[{"ts":1740787200,"price":11.5},{"ts":1740787201,"price":true},{"ts":1740787202,"price":[1]}]', "2025-03-01T00:00 price=11.5", rejects=["not a number", "no price at all"]),
    case("an empty list", "[]", stops="empty_file"),
    case("an empty object", "{}", stops="empty_file"),
    case("broken JSON", '{"a": [1, 2', stops="bad_file"),
    case("no quotes in it", dumped({"hello": "world"}), stops="empty_file"),
    case("parsed already", [{"timestamp": "2025-03-01T00:00:00Z", "bid": 11.5, "ask": "11.6"}], ONE),
]  # fmt: skip


@pytest.mark.parametrize("given", [*CANDLES, *RATES, *P2P, *SIDES, *JSON])
def test_an_export_is_read_as_its_owner_means_it(given: Case) -> None:
    check(given)
