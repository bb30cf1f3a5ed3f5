"""Times: the format, the order of day and month and the zone are decided for the whole file."""

# ruff: noqa: E501  (tables: a case a line)
from __future__ import annotations

import datetime as dt

import pytest

from .cases import Case, case, check, found_rows, read


def column(*cells: str, name: str = "fecha") -> str:
    """Prices 1, 2, 3 ... at these times."""
    rows = "".join(f"{cell};{n}\n" for n, cell in enumerate(cells, 1))
    return f"{name};precio\n{rows}"


def at(*stamps: str) -> str:
    return "\n".join(f"{stamp} price={n}" for n, stamp in enumerate(stamps, 1))


MARCH = "2025-03-01T10:30"
STAMPS = [
    case("seconds", column("1740825000", "1740825001"), at(MARCH, "2025-03-01T10:30:01")),
    case("milliseconds", column("1740825000000", "1740825000123"), at(MARCH, "2025-03-01T10:30:00.123000")),
    case("microseconds", column("1740825000000000", "1740825000000123"), at(MARCH, "2025-03-01T10:30:00.000123")),
    case("nanoseconds", column("1740825000000000000", "1740825000000123456"), at(MARCH, "2025-03-01T10:30:00.000123")),
    case("milliseconds, later microseconds", column("1740825000000", "1740825060000000"), at(MARCH, "2025-03-01T10:31")),
    case("fractions of seconds", column("1740825000.5", "1740825000,25"), at("2025-03-01T10:30:00.500000", "2025-03-01T10:30:00.250000")),
    case("seconds as a float", column("1740825000.0", "1740825060.0"), at(MARCH, "2025-03-01T10:31")),
    case("seconds with groups", column("1,740,825,000", "1,740,825,060"), at(MARCH, "2025-03-01T10:31")),
    case("digits lost to an exponent", column("1740825000", "1.74E+09", "1,74083E+12"), at(MARCH), rejects=["its last digits are missing"] * 2),
    case("an exponent with all digits", column("1.740825000E9", "1.740825060E+9"), at(MARCH, "2025-03-01T10:31")),
    case("YYYYMMDD", column("20250301", "20250302"), at("2025-03-01T00:00", "2025-03-02T00:00")),
    case("YYYYMMDDHHMMSS", column("20250301103000", "20250301103001"), at(MARCH, "2025-03-01T10:30:01")),
    case("YYYYMMDDHHMM", column("202503011030", "202503011031"), at(MARCH, "2025-03-01T10:31")),
    case("YYYYMMDD HHMMSS", column("20250301 103000", "20250301 103001"), at(MARCH, "2025-03-01T10:30:01")),
    case("the 30th of February", column("20250301", "20250230"), at("2025-03-01T00:00"), rejects=["not an ISO"]),
    case("serial days", column("45717", "45718"), at("2025-03-01T00:00", "2025-03-02T00:00")),
    case("serial hours", column("45717.4375", "45717,458333333336"), at(MARCH, "2025-03-01T11:00")),
    case("serial minutes, five decimals", column("45717.43750", "45717.43819"), at(MARCH, "2025-03-01T10:31")),
    case("serial with two decimals only", column("45717.4375", "45717.43"), at(MARCH), rejects=["its last digits are missing"]),
    case("headerless seconds", "1740825000,1.5\n1740825060,2.5\n", f"{MARCH} price=1.5\n2025-03-01T10:31 price=2.5"),
]  # fmt: skip


ISO = [
    case("T and Z", column("2025-03-01T10:30:00Z"), at(MARCH)),
    case("a blank and no seconds", column("2025-03-01 10:30"), at(MARCH)),
    case("UTC behind", column("2025-03-01 10:30:00 UTC"), at(MARCH)),
    case("GMT behind", column("2025-03-01 10:30:00GMT"), at(MARCH)),
    case("offsets of every kind", column("2025-03-01T06:30:00-04:00", "2025-03-01T06:30:00-0400", "2025-03-01 06:30-04", "2025-03-01 06:30:00 -04:00"), at(*[MARCH] * 4)),
    case("different offsets", column("2025-03-01T06:30:00-04:00", "2025-03-01T16:00:00+05:30", "2025-03-01T10:30Z"), at(*[MARCH] * 3)),
    case("offsets and none", column("2025-03-01T06:30:00-04:00", "2025-03-01T10:30:00"), at(MARCH, MARCH), said=["1 times name no zone"]),
    case("fractions up to nanoseconds", column("2025-03-01T10:30:00.5Z", "2025-03-01T10:30:00.123456789Z"), at("2025-03-01T10:30:00.500000", "2025-03-01T10:30:00.123456")),
    case("no zeros in front", column("2025-3-1 9:05", "2025-3-2 10:30"), at("2025-03-01T09:05", "2025-03-02T10:30")),
    case("slashes", column("2025/03/01 10:30", "2025/3/2"), at(MARCH, "2025-03-02T00:00")),
    case("points", column("2025.03.01 10:30"), at(MARCH)),
    case("midnight of the day before", column("2025-03-01 24:00"), at("2025-03-02T00:00")),
    case("hours that are none", column("2025-03-01 10:30", "2025-03-01 25:00", "2025-03-01 10:61"), at(MARCH), rejects=["not an ISO"] * 2),
    case("fullwidth, Arabic, a long minus", column("２０２５-０３-０１T１０:３０:００Z", "٢٠٢٥-٠٣-٠١T١٠:٣٠:٠٠Z", "2025−03−01T10:30Z"), at(*[MARCH] * 3)),
    case("days without hours", column("2025-03-01", "2025-03-02"), at("2025-03-01T00:00", "2025-03-02T00:00"), said=["read as UTC"]),
    case("hours without days", column("10:30", "10:31"), stops="bad_header"),
    case("Java", column("2025-03-01T06:30-04:00[America/La_Paz]", "2025-03-01T10:30:00Z[UTC]"), at(MARCH, MARCH)),
    case("basic", column("20250301T103000Z", "20250301T063000-0400"), at(MARCH, MARCH)),
    case("the shell's date", column("Sat Mar  1 10:30:00 UTC 2025"), at(MARCH)),
    case("Go and Ruby", column("2025-03-01 10:30:00 +0000 UTC", "2025-03-01 06:30:00 -0400 -04"), at(MARCH, MARCH)),
    case("Gemini's hours", column("2025-03-01 10-AM", "2025-03-01 12-AM", "2025-03-01 12-PM"), at("2025-03-01T10:00", "2025-03-01T00:00", "2025-03-01T12:00")),
    case("Bolivian time", column("2025-03-01 06:30:00 BOT"), at(MARCH)),
]  # fmt: skip


ORDERS = [
    case("a day above twelve", column("01/03/2025", "13/03/2025"), at("2025-03-01T00:00", "2025-03-13T00:00"), said=["day, month, year"]),
    case("a second part above twelve", column("03/01/2025", "03/13/2025"), at("2025-03-01T00:00", "2025-03-13T00:00"), said=["month, day, year"]),
    case("only the last row tells", column(*["05/03/2025"] * 12, "25/03/2025"), at(*["2025-03-05T00:00"] * 12, "2025-03-25T00:00")),
    case("one reading lies in the future", column("01/12/2025", "05/12/2026", "07/11/2026"), at("2025-01-12T00:00", "2026-05-12T00:00", "2026-07-11T00:00"), said=["none in the future"]),
    case("nothing tells", column("01/03/2025", "02/03/2025"), stops="ambiguous_date", said=["--date-format dmy: 01/03/2025 = 2025-03-01", "mdy: 01/03/2025 = 2025-01-03"]),
    case("but the option", column("01/03/2025", "02/03/2025"), at("2025-03-01T00:00", "2025-03-02T00:00"), date_format="dmy"),
    case("or the other", column("01/03/2025", "02/03/2025"), at("2025-01-03T00:00", "2025-02-03T00:00"), date_format="mdy"),
    case("or the last time", column("01/03/2025"), at("2025-03-01T00:00"), remembered={"date_format": "dmy"}),
    case("or the header", column("01/03/2025", name="Fecha (dd/mm/aaaa)"), at("2025-03-01T00:00"), said=["the header says so"]),
    case("or the header, month first", column("01/03/2025", name="Date (MM/DD/YYYY)"), at("2025-01-03T00:00")),
    case("both orders in one file", column("13/03/2025", "14/03/2025", "03/15/2025", "03/16/2025"), stops="ambiguous_date"),
    case("a typo among many", column(*[f"{d:02d}/03/2025" for d in range(1, 29)], "03/29/2025"), at(*[f"2025-03-{d:02d}T00:00" for d in range(1, 29)]), rejects=["not an ISO"]),
    case("the same either way", column("03/03/2025", "04/04/2025"), at("2025-03-03T00:00", "2025-04-04T00:00")),
    case("dashes", column("13-03-2025 10:30"), at("2025-03-13T10:30")),
    case("points are no proof", column("01.03.2025"), stops="ambiguous_date"),
    case("points with proof", column("01.03.2025 10:30:05", "31.03.2025"), at("2025-03-01T10:30:05", "2025-03-31T00:00")),
    case("no zeros in front", column("1/3/2025 9:05", "13/3/2025 10:30"), at("2025-03-01T09:05", "2025-03-13T10:30")),
    case("years of two digits", column("13/03/25", "01/04/25"), at("2025-03-13T00:00", "2025-04-01T00:00")),
    case("years of two digits in front", column("25-03-13", "25-04-01"), at("2025-03-13T00:00", "2025-04-01T00:00"), said=["year, month, day"]),
    case("three small numbers", column("10-03-12"), stops="ambiguous_date"),
    case("a strptime pattern", column("01|03|2025 10h"), at("2025-03-01T10:00"), date_format="%d|%m|%Y %Hh", columns={"time": "fecha", "price": "precio"}),
    case("a pattern that fits some", column("01.03.2025", "x"), at("2025-03-01T00:00"), date_format="%d.%m.%Y", rejects=["not an ISO"]),
]  # fmt: skip


WORDS = [
    case("English months", column("1 Mar 2025", "Mar 2, 2025", "03-Mar-2025 10:30", "March 4th, 2025"), at("2025-03-01T00:00", "2025-03-02T00:00", "2025-03-03T10:30", "2025-03-04T00:00")),
    case("Spanish months", column("1 de marzo de 2025", "2 mar. 2025", "3-ene-25", "4 setiembre 2025 10:30"), at("2025-03-01T00:00", "2025-03-02T00:00", "2025-01-03T00:00", "2025-09-04T10:30")),
    case("weekdays", column("Saturday, March 1, 2025", "sábado, 1 de marzo de 2025", "Sat, 01 Mar 2025 10:30:00 GMT", "mar, 4 mar 2025"), at("2025-03-01T00:00", "2025-03-01T00:00", MARCH, "2025-03-04T00:00")),
    case("JavaScript", column("Sat Mar 01 2025 06:30:00 GMT-0400 (Bolivia Time)"), at(MARCH)),
    case("twelve hours", column("13/03/2025 10:30 AM", "13/03/2025 10:30 p. m.", "13/03/2025 12:15 a.m.", "13/03/2025 12:15:10 PM"), at("2025-03-13T10:30", "2025-03-13T22:30", "2025-03-13T00:15", "2025-03-13T12:15:10")),
    case("twelve hours that are none", column("13/03/2025 10:30 AM", "13/03/2025 13:30 PM"), at("2025-03-13T10:30"), rejects=["not an ISO"]),
    case("a comma before the hour", column("13/03/2025, 10:30"), at("2025-03-13T10:30")),
    case("the hour first", column("10:30 13/03/2025"), at("2025-03-13T10:30")),
]  # fmt: skip


APART = [
    case("date and hour", "fecha;hora;precio\n13/03/2025;10:30;1\n13/03/2025;10:31:05;2\n", at("2025-03-13T10:30", "2025-03-13T10:31:05")),
    case("date and twelve hours", "Date,Time,Price\n2025-03-13,10:30 PM,1\n2025-03-13,12:31 AM,2\n", at("2025-03-13T22:30", "2025-03-13T00:31")),
    case("MetaTrader", "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\n2025.03.13\t10:30:00\t1.1\t1.3\t1.0\t1.2\t77\n", "2025-03-13T10:30 price=1.2 volume=77"),
    case("whole hours", "fecha;hora;precio\n2025-03-13;0;1\n2025-03-13;13;2\n", at("2025-03-13T00:00", "2025-03-13T13:00")),
    case("hours as numbers", "date,time,close\n20250313,93000,1\n20250313,153000,2\n", at("2025-03-13T09:30", "2025-03-13T15:30")),
    case("date with a midnight", "fecha;hora;precio\n2025-03-13 00:00:00;10:30;1\n", at("2025-03-13T10:30")),
    case("an hour that is missing", "fecha;hora;precio\n2025-03-13;10:30;1\n2025-03-13;;2\n", at("2025-03-13T10:30"), rejects=["not an ISO"]),
    case("the UTC one of two", "fecha_utc,fecha_bolivia,precio\n2025-03-01 10:30,2025-03-01 06:30,1\n", at(MARCH), said=["the name of the column says so"]),
    case("the UTC one, second", "fecha_bolivia,fecha_utc,precio\n2025-03-01 06:30,2025-03-01 10:30,1\n", at(MARCH)),
    case("an epoch beside a date", "date,unix,close\n2025-03-01 06:30,1740825000,1\n", at(MARCH)),
    case("open and close time", "open_time,close_time,close\n2025-03-01 10:30,2025-03-01 10:45,1\n", at(MARCH)),
    case("which one is said", "created_at,updated_at,price\n2025-03-01 10:30,2025-03-01 10:45,1\n", at("2025-03-01T10:45"), columns={"time": "updated_at"}),
    case("an offset in the name", column("2025-03-01 06:30", name="Fecha (UTC-4)"), at(MARCH), said=["Etc/GMT+4 (as the name"]),
    case("in other words", column("2025-03-01 12:30", name="hora GMT+02:00"), at(MARCH)),
    case("none", column("2025-03-01 10:30", name="time UTC+0"), at(MARCH), said=["the name of the column says so"]),
    case("one without a sign says nothing", column("2025-03-01 10:30", name="fecha_utc_4"), at(MARCH), said=["read as UTC"]),
    case("one of half an hour says nothing", column("2025-03-01 10:30", name="time UTC+5:30"), at(MARCH), said=["read as UTC"]),
    case("month first and an hour apart", "Date,Time,Price\n03/13/2025,10:30 PM,1\n03/14/2025,10:30 AM,2\n", at("2025-03-13T22:30", "2025-03-14T10:30")),
    case("Gmt in the name", "Gmt time,close\n13.03.2025 10:30:00.000,1\n", at("2025-03-13T10:30"), said=["the name of the column"]),
]  # fmt: skip


BOUNDS = [
    case("before 2009", column("2025-03-01", "2008-12-31", "1999-01-01"), at("2025-03-01T00:00"), rejects=["before 2009"] * 2),
    case("the first of 2009", column("2009-01-01"), at("2009-01-01T00:00")),
    case("in the future", column("2026-11-26T12:04:00Z", "2026-11-26T12:06:00Z", "2099-01-01"), at("2026-11-26T12:04"), rejects=["in the future"] * 2),
    case("no time", column("2025-03-01", "yesterday", "", "-", "NaN", "2025"), at("2025-03-01T00:00"), rejects=["not an ISO"] * 5),
]  # fmt: skip


@pytest.mark.parametrize("given", [*STAMPS, *ISO, *ORDERS, *WORDS, *APART, *BOUNDS])
def test_a_time_is_the_moment_that_its_writer_meant(given: Case) -> None:
    check(given)


# -------------------------------------------------------------------------------------------- zones
def local(*cells: str) -> str:
    return column(*cells, name="fecha local")


SANTIAGO, NEW_YORK = "America/Santiago", "America/New_York"
ZONES = [
    case("nobody says", local("2025-03-01 06:30"), at("2025-03-01T06:30"), said=["read as UTC", "--tz"]),
    case("the option says", local("2025-03-01 06:30"), at(MARCH), tz="America/La_Paz"),
    case("the last time said", local("2025-03-01 06:30"), at(MARCH), remembered={"tz": "America/La_Paz"}, said=["as the last time"]),
    case("the column says", column("2025-03-01 06:30", name="fecha_bolivia"), at(MARCH), said=["America/La_Paz"]),
    case("the cells say more", local("2025-03-01T10:30Z"), at(MARCH), tz="America/La_Paz", said=["every time names its own"]),
    case("month first, in a zone", local("03/13/2025 06:30", "03/14/2025 06:30"), at("2025-03-13T10:30", "2025-03-14T10:30"), tz="America/La_Paz"),
    case("month first, no zone", local("03/13/2025 06:30", "03/14/2025 06:30"), at("2025-03-13T06:30", "2025-03-14T06:30"), said=["2 times name no zone"]),
    case("month first, the hour that stands twice", local("11/01/2025 23:00", "11/02/2025 01:00", "11/02/2025 01:00", "11/13/2025 01:00"), at("2025-11-02T03:00", "2025-11-02T05:00", "2025-11-02T06:00", "2025-11-13T06:00"), tz=NEW_YORK, date_format="mdy"),
    case("summer and winter", local("2025-01-01 09:00", "2025-07-01 09:00"), at("2025-01-01T12:00", "2025-07-01T13:00"), tz=SANTIAGO),
    case("the hour that stands twice", local("2025-04-05 22:30", "2025-04-05 23:00", "2025-04-05 23:30", "2025-04-05 23:00", "2025-04-05 23:30", "2025-04-06 00:00"), at("2025-04-06T01:30", "2025-04-06T02:00", "2025-04-06T02:30", "2025-04-06T03:00", "2025-04-06T03:30", "2025-04-06T04:00"), tz=SANTIAGO),
    case("newest first", local("2025-04-06 00:00", "2025-04-05 23:30", "2025-04-05 23:00", "2025-04-05 23:30", "2025-04-05 23:00", "2025-04-05 22:30"), at("2025-04-06T04:00", "2025-04-06T03:30", "2025-04-06T03:00", "2025-04-06T02:30", "2025-04-06T02:00", "2025-04-06T01:30"), tz=SANTIAGO),
    case("every hour", local("2025-11-02 00:00", "2025-11-02 01:00", "2025-11-02 01:00", "2025-11-02 02:00"), at("2025-11-02T04:00", "2025-11-02T05:00", "2025-11-02T06:00", "2025-11-02T07:00"), tz=NEW_YORK),
    case("an hour that stands once cannot be told", local("2025-11-02 00:00", "2025-11-02 01:00", "2025-11-02 02:00"), at("2025-11-02T04:00").replace("=1", "=1") + "\n2025-11-02T07:00 price=3", tz=NEW_YORK, rejects=["stood twice in America/New_York"]),
    case("the hour that is left out", local("2025-03-09 01:30", "2025-03-09 02:30", "2025-03-09 03:30"), "2025-03-09T06:30 price=1\n2025-03-09T07:30 price=3", tz=NEW_YORK, rejects=["left this hour out"]),
    case("a day begins even where midnight is left out", local("2025-09-06", "2025-09-07", "2025-09-08"), at("2025-09-06T04:00", "2025-09-07T04:00", "2025-09-08T03:00"), tz=SANTIAGO),
    case("no clock change in Bolivia", local("2025-04-05 23:00", "2025-04-05 23:30", "2025-11-02 01:00"), at("2025-04-06T03:00", "2025-04-06T03:30", "2025-11-02T05:00"), tz="America/La_Paz"),
    case("a zone that is none", local("2025-03-01 06:30"), stops="bad_option", tz="Bolivia/Nowhere"),
    case("a step back is said", local(*[f"2025-04-05 {h:02d}:00" for h in range(24)], "2025-04-05 23:00", "2025-04-06 00:00"), at(*[f"2025-04-05T{h:02d}:00" for h in range(24)], "2025-04-05T23:00", "2025-04-06T00:00"), said=["read as UTC"]),
    case("two markets, one doubled hour", "fecha,asset,fiat,exchange,precio\n" + "".join(f"2025-11-02 {t},{a},USD,x,{n}\n" for n, (t, a) in enumerate([("00:30", "BTC"), ("00:30", "ETH"), ("01:00", "BTC"), ("01:00", "ETH"), ("01:30", "BTC"), ("01:30", "ETH"), ("01:00", "BTC"), ("01:00", "ETH"), ("01:30", "BTC"), ("01:30", "ETH"), ("02:00", "BTC"), ("02:00", "ETH")], 1)), "\n".join(f"2025-11-02T0{h} price={n}" for n, h in enumerate(["4:30", "4:30", "5:00", "5:00", "5:30", "5:30", "6:00", "6:00", "6:30", "6:30", "7:00", "7:00"], 1)), market=None, tz=NEW_YORK),
]  # fmt: skip


@pytest.mark.parametrize("given", ZONES)
def test_a_local_time_becomes_utc(given: Case) -> None:
    check(given)


def test_rows_of_every_half_hour_of_a_year_keep_their_distance_in_any_zone() -> None:
    for zone in (SANTIAGO, NEW_YORK, "Europe/Madrid", "America/La_Paz", "Australia/Lord_Howe"):
        import zoneinfo

        start = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
        moments = [start + n * dt.timedelta(minutes=30) for n in range(2 * 24 * 366)]
        cells = [m.astimezone(zoneinfo.ZoneInfo(zone)).strftime("%d/%m/%Y %H:%M") for m in moments]
        rows = found_rows(read(local(*cells), tz=zone))
        assert [row.split()[0] for row in rows] == [m.strftime("%Y-%m-%dT%H:%M") for m in moments]
