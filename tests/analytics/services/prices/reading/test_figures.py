"""Figures: what a mark means follows from the whole file, and no digit is lost."""

# ruff: noqa: E501, SIM905  (tables: a case a line)
from __future__ import annotations

import pytest

from .cases import Case, case, check, found_rows, read

DAYS = [f"2025-03-{day:02d}" for day in range(1, 29)]


def column(*cells: str, separator: str = ";", day_first: bool = False) -> str:
    """A row a day; `day_first` writes dates that only a person writes."""
    lines = ["fecha;precio"]
    for day, cell in zip(DAYS, cells, strict=False):
        date = f"{day[8:]}/{day[5:7]}/{day[:4]}" if day_first else f"{day}"
        lines.append(f"{date}{separator}{cell}")
    return "\n".join(lines).replace(";", separator) + "\n"


def prices(*values: object) -> str:
    return "\n".join(f"{day}T00:00 price={v}" for day, v in zip(DAYS, values, strict=False))


MARKS = [
    case("one longer cell tells of all", column("4.103", "4.1035", "4.099"), prices(4.103, 4.1035, 4.099), said=["decimal point"]),
    case("one shorter cell tells of all", column("4.103", "4.1"), prices(4.103, 4.1)),
    case("a comma below tells that points are thousands", column("4.103", "4.250", "4.103,50"), prices(4103, 4250, 4103.5), said=["decimal comma"]),
    case("a cell without thousands tells it too", column("4.103", "998,50"), prices(4103, 998.5)),
    case("millions tell it", column("1.234.567", "4.103"), prices(1234567, 4103)),
    case("commas of thousands", column("1,234,567", "4,103"), prices(1234567, 4103)),
    case("comma thousands and point decimals", column("4,103", "4,103.50"), prices(4103, 4103.5)),
    case("a zero in front tells", column("0.103", "0.250"), prices(0.103, 0.25)),
    case("four digits in front tell", column("4103.250", "1.500"), prices(4103.25, 1.5)),
    case("an exponent tells", column("1.5e3", "4.103"), prices(1500, 4.103)),
    case("thousands only are open", column("4.103", "4.250"), stops="ambiguous_decimal", said=["--decimal .", "4.103 = 4103"]),
    case("so are decimals of a comma", column("4,103", "4,250"), stops="ambiguous_decimal"),
    case("so they are beside whole numbers", column("998", "4.103"), stops="ambiguous_decimal"),
    case("and chosen by the option", column("4.103", "4.250"), prices(4103, 4250), decimal=","),
    case("or by the other", column("4.103", "4.250"), prices(4.103, 4.25), decimal="."),
    case("or as the last time", column("4.103", "4.250"), prices(4103, 4250), remembered={"decimal": ","}, said=["as the last time"]),
    case("or by the level of the market", column("4.103", "4.250"), prices(4103, 4250), level=4000.0, said=["at about 4000"]),
    case("a spreadsheet with commas is open too", column("4.103", "4.250", separator=",", day_first=True), stops="ambiguous_date"),
    case("even when its dates are known", column("4.103", "4.250", separator=",", day_first=True), stops="ambiguous_decimal", date_format="dmy"),
    case("a program that separates by commas is not", "timestamp,value\n2025-03-01T00:00:00Z,4.103\n2025-03-02T00:00:00Z,4.250\n", prices(4.103, 4.25), said=["a program that separates by commas"]),
    case("a sheet on the web that shows ISO days may", "timestamp,value\n2025-03-01 10:00,4.103\n2025-03-02 10:00,4.250\n", stops="ambiguous_decimal", said=["4.103 = 4103"]),
    case("the level of the market weighs more than the last time", column("4.103", "4.250"), prices(4.103, 4.25), level=4.2, remembered={"decimal": ","}),
    case("unless whole numbers stand beside", "timestamp,value\n2025-03-01T00:00:00Z,4.103\n2025-03-02T00:00:00Z,998\n", stops="ambiguous_decimal"),
    case("another column tells", "fecha;precio;volumen\n2025-03-01;4.103;12,5\n2025-03-02;4.250;13\n", "2025-03-01T00:00 price=4103 volume=12.5\n2025-03-02T00:00 price=4250 volume=13"),
    case("columns that differ keep their own", "fecha;precio;volumen\n2025-03-01;4.1;12,5\n2025-03-02;4.250;13\n", "2025-03-01T00:00 price=4.1 volume=12.5\n2025-03-02T00:00 price=4.25 volume=13"),
    case("and a third one is open", "fecha;bid;ask;volumen\n2025-03-01;4.1;4,2;1.250\n", stops="ambiguous_decimal"),
    case("cells that contradict each other stop", column("11.5", "11,6", "11.7", "11,8"), stops="ambiguous_decimal", said=["contradict"]),
    case("a lone one is refused", column(*["11.5"] * 20, "11,6"), prices(*[11.5] * 20), rejects=["22 price: not a number"]),
    case("whole numbers need no mark", column("11", "12"), prices(11, 12)),
]  # fmt: skip


WRITTEN = [
    case("blanks as thousands", column("1 234,5", "12 345 678,25"), prices(1234.5, 12345678.25)),
    case("hard blanks", column("1\u00a0234,5", "1\u202f234"), prices(1234.5, 1234)),
    case("Swiss apostrophes", column("1'234.50", "1’234’567.25"), prices(1234.5, 1234567.25)),
    case("Indian groups", column("1,00,000.50", "12,34,567"), prices(100000.5, 1234567)),
    case("Indian groups without decimals", column("1,00,000", "12,34,567"), prices(100000, 1234567)),
    case("Persian digits", column("۱۱٫۶۰", "۱٬۲۳۴٫۵"), prices(11.6, 1234.5)),
    case("Arabic digits", column("١١٫٦٠", "١٢"), prices(11.6, 12)),
    case("fullwidth digits", column("１１．６０", "１１．７"), prices(11.6, 11.7)),
    case("dollars before", column("$11.60", "$ 1,234.50", "US$ 3.5", "USD 4.25"), prices(11.6, 1234.5, 3.5, 4.25)),
    case("bolivianos before and after", column("Bs 11,60", "Bs. 6,96", "11,70 Bs.", "11,75 BOB"), prices(11.6, 6.96, 11.7, 11.75)),
    case("soles, reais, euros", column("S/ 3.75", "R$ 5.10", "5.20 €", "€5.30"), prices(3.75, 5.1, 5.2, 5.3)),
    case("a rate with its currencies", column("11.60 BOB/USDT", "11.75 Bs/USDT"), prices(11.6, 11.75)),
    case("no other letters", column("11.5", "abc12", "12x", "0x1F", "1_2.5", "rank5"), prices(11.5), rejects=["not a number"] * 5),
    case("thousands and millions of a volume", "Fecha;Último;Vol.\n2025-03-01;11,5;1,23K\n2025-03-02;11,6;2,5M\n2025-03-03;11,7;1B\n", "2025-03-01T00:00 price=11.5 volume=1230\n2025-03-02T00:00 price=11.6 volume=2500000\n2025-03-03T00:00 price=11.7 volume=1e9"),
    case("exponents", column("1.412e-05", "5E-05", "1e1"), prices("1.412e-05", "5e-05", 10)),
    case("signs", column("+11.5", "11.6"), prices(11.5, 11.6)),
    case("bare points", column("11.", ".5"), prices(11, 0.5)),
    case("zeros in front and behind", column("0011.50", "11.500000"), prices(11.5, 11.5)),
    case("broken figures", column("11.5", "1..5", "1,2,3.4.5", "--5", "5-", "(5)", "1.5%"), prices(11.5), rejects=["not a number"] * 6),
]  # fmt: skip


UNKNOWN = "NaN nan null NULL None N/A n/a NA - -- — #N/A #N/D #DIV/0! . ?".split(" ")
LIMITS = [
    case("nothing known refuses the row", column("11.5", *UNKNOWN), prices(11.5), rejects=["no price at all"] * len(UNKNOWN)),
    case("a blank cell too", column("11.5", "", " "), prices(11.5), rejects=["no price at all"] * 2),
    case("a known other side is kept", "timestamp,bid,ask\n" + "".join(f"{day},{word},12.5\n" for day, word in zip(DAYS, ["11.5", *UNKNOWN], strict=False)), "\n".join(f"{day}T00:00 {'bid=11.5 ' if n == 0 else ''}ask=12.5" for n, day in enumerate(DAYS[: len(UNKNOWN) + 1]))),
    case("infinity is no figure", column("11.5", "inf", "-Infinity", "1e999"), prices(11.5), rejects=["not a number"] * 3),
    case("zero and below", column("11.5", "0", "0.00", "-11.5"), prices(11.5), rejects=["above zero"] * 3),
    case("the smallest and the largest", column("0.000000000001", "1000000000000", "1e-12", "1e12"), prices("1e-12", "1e12", "1e-12", "1e12")),
    case("beyond them", column("11.5", "1e-13", "1000000000001", "1e14", "1e-400"), prices(11.5), rejects=["must lie between 1e-12 and 1e+12"] * 3 + ["more digits than can be kept"]),
    case("as a float prints it", column("0.30000000000000004", "11.600000000000001"), prices("0.30000000000000004", "11.600000000000001")),
    case("more digits than a float has", column("11.5", "11.60000000000000123", "123456789012.123456"), prices(11.5), rejects=["more digits"] * 2),
    case("many zeros are no digits", column("11.6000000000000000000000"), prices(11.6)),
    case("volumes may be zero, not less", "fecha;precio;volumen\n2025-03-01;11.5;0\n2025-03-02;11.6;-1\n", "2025-03-01T00:00 price=11.5 volume=0", rejects=["volume: must not be negative"]),
    case("counts are whole", "timestamp,bid,ask,bid_offers\n2025-03-01,11.5,11.6,20.0\n2025-03-02,11.5,11.6,1.5\n2025-03-03,11.5,11.6,3e9\n", "2025-03-01T00:00 bid=11.5 ask=11.6 bid_offers=20", rejects=["bid_offers: not a whole number", "bid_offers: must lie between 0 and"]),
    case("the first reason is told", "timestamp,bid,ask\n2025-03-01,1,2\nx,abc,0\n", "2025-03-01T00:00 bid=1 ask=2", rejects=["timestamp: not"]),
    case("percent columns are not prices", "fecha;precio;% var.\n2025-03-01;11,5;1,25%\n2025-03-02;11,6;-0,5%\n", prices(11.5, 11.6)),
]  # fmt: skip


@pytest.mark.parametrize("given", [*MARKS, *WRITTEN, *LIMITS])
def test_a_figure_is_read_as_quoted_or_refused(given: Case) -> None:
    check(given)


def test_a_price_of_a_million_rows_decides_with_its_last_row() -> None:
    """Every cell is looked at: the only certain one may be the last."""
    rows = "".join(f"2025-03-{1 + n % 28:02d};4.{100 + n % 900}\n" for n in range(200_000))
    reading = read("fecha;precio\n" + rows + "2025-03-28;998,5\n")
    last = found_rows(reading)[-1]
    assert last == "2025-03-28T00:00 price=998.5"
    assert found_rows(reading)[0] == "2025-03-01T00:00 price=4100.0"
