"""Separators, encodings, quoting, headers: a text is cut as its writer meant it."""

# ruff: noqa: E501  (tables: a case a line)
from __future__ import annotations

import bz2
import gzip
import lzma

import pytest

from .cases import Case, case, check

TWO = "2025-03-01T10:00 price=11.6\n2025-03-02T10:00 price=11.75"
SIDES = "2025-03-01T10:00 bid=11.5 ask=11.6\n2025-03-02T10:00 bid=11.65 ask=11.75"


def text(separator: str = ",", header: str = "timestamp,value", decimal: str = ".") -> str:
    lines = [header, "2025-03-01 10:00:00,11.60", "2025-03-02 10:00:00,11.75"]
    return "\n".join(line.replace(".", decimal).replace(",", separator) for line in lines) + "\n"


SEMI = text(";").replace("11.", "11,")

SEPARATORS = [
    case("comma", text(), TWO),
    case("semicolon and decimal comma", SEMI, TWO, said=["semicolon", "decimal comma"]),
    case("semicolon and decimal point", text(";"), TWO),
    case("tab", text("\t"), TWO, said=["tab"]),
    case("tab and decimal comma", SEMI.replace(";", "\t"), TWO),
    case("bar", text("|"), TWO, said=["bar"]),
    case("bar and decimal comma", SEMI.replace(";", "|"), TWO),
    case("sep line", "sep=;\n" + SEMI, TWO),
    case("sep line in quotes", '"sep=;"\r\n' + SEMI, TWO),
    case("sep line of a tab", "sep=\t\n" + text("\t"), TWO),
    case("decimal commas in times and figures", "ts;price\n1740823200,5;11,60\n1740909600,5;11,75\n", TWO.replace("T10:00", "T10:00:00.500000")),
    case("a separator was asked for", text(";"), TWO, delimiter=";"),
    case("tab was asked for by name", text("\t"), TWO, delimiter="tab"),
    case("decimal comma in quotes between commas", 'timestamp,value\n2025-03-01 10:00,"11,60"\n2025-03-02 10:00,"11,75"\n', TWO),
    case("unquoted decimal comma between commas", "timestamp,value\n2025-03-01 10:00,11,60\n2025-03-02 10:00,11,75\n", stops="bad_header", said=["2 names", "3 cells"]),
    case("the same without a header", "1740787200,11,60\n1740873600,11,75\n", stops="ambiguous_columns"),
    case("separators at the ends of rows", "timestamp;value;\n2025-03-01 10:00;11,60;\n2025-03-02 10:00;11,75;\n", TWO),
    case("separators at the ends of data rows only", "timestamp;value\n2025-03-01 10:00;11,60;\n2025-03-02 10:00;11,75;\n", TWO),
    case("a separator at the end of one row", "timestamp;value\n2025-03-01 10:00;11,60\n2025-03-02 10:00;11,75;\n", TWO),
    case("separators at the end of the header only", "timestamp;value;;\n2025-03-01 10:00;11,60\n2025-03-02 10:00;11,75\n", TWO),
    case("blanks around cells", "timestamp , value\n 2025-03-01 10:00 ,  11.60 \n2025-03-02 10:00, 11.75\n", TWO),
    case("numbered rows of R", '"timestamp","value"\n"1","2025-03-01 10:00",11.60\n"2","2025-03-02 10:00",11.75\n', TWO),
    case("numbered rows of pandas", ",timestamp,value\n0,2025-03-01 10:00,11.60\n1,2025-03-02 10:00,11.75\n", TWO),
]  # fmt: skip


ENCODINGS = [
    case("utf-8", "fecha;último\n2025-03-01 10:00;11,6\n2025-03-02 10:00;11,75\n".encode(), TWO),
    case("utf-8 with a mark", text().encode("utf-8-sig"), TWO),
    case("utf-16 little endian with a mark", b"\xff\xfe" + SEMI.encode("utf-16-le"), TWO, said=["utf-16"]),
    case("utf-16 big endian with a mark", b"\xfe\xff" + SEMI.encode("utf-16-be"), TWO),
    case("utf-16 little endian without a mark", SEMI.encode("utf-16-le"), TWO, said=["utf-16-le"]),
    case("utf-16 big endian without a mark", SEMI.encode("utf-16-be"), TWO, said=["utf-16-be"]),
    case("utf-16 with tabs, as Excel saves", text("\t").replace("\n", "\r\n").encode("utf-16"), TWO),
    case("utf-32", text().encode("utf-32"), TWO),
    case("cp1252", "fecha;último;máximo\n2025-03-01 10:00;11,6;12\n2025-03-02 10:00;11,75;12\n".encode("cp1252"), TWO, said=["cp1252"]),
    case("latin-1", "Día;Cotización\n2025-03-01 10:00;11,6\n2025-03-02 10:00;11,75\n".encode("latin-1"), TWO),
    case("cp850", "fecha;último;máximo\n2025-03-01 10:00;11,6;12\n2025-03-02 10:00;11,75;12\n".encode("cp850"), TWO),
    case("mac roman", "fecha;último;máximo\r2025-03-01 10:00;11,6;12\r2025-03-02 10:00;11,75;12\r".encode("mac_roman"), TWO),
    *(
        case(f"{name} inside the figures of {encoding}", f"date;bid;ask\n2025-03-01 10:00;999;1{mark}000\n2025-03-02 10:00;1{mark}001;1{mark}002\n".encode(encoding), "2025-03-01T10:00 bid=999 ask=1000\n2025-03-02T10:00 bid=1001 ask=1002")
        for name, mark in (("a space of its own", "\xa0"), ("a curled apostrophe", "\u2019"))
        for encoding in ("cp1252", "mac_roman", "cp850", "cp1251")
        if (mark, encoding) != ("\u2019", "cp850")
    ),
    case("an encoding was asked for", "fecha;último\n2025-03-01 10:00;11,6\n2025-03-02 10:00;11,75\n".encode("cp1252"), TWO, encoding="cp1252"),
    case("the wrong encoding was asked for", "fecha;último\n2025-03-01 10:00;11,6\n".encode("cp1252"), stops="bad_file", encoding="utf-8"),
    case("a stray byte far below", b"timestamp,value,note\n2025-03-01 10:00,11.6,a\n2025-03-02 10:00,11.75," + b"a" * 300_000 + b"\xe9\n", TWO),
]  # fmt: skip


LINES = [
    case("CRLF", text().replace("\n", "\r\n"), TWO),
    case("CR", text().replace("\n", "\r"), TWO),
    case("no end of the last line", text().rstrip(), TWO),
    case("blank lines", "\n\n" + text().replace("\n", "\n\n"), TWO),
    case("rows of blank cells", text() + ",\n,\n", TWO),
    case("quotes everywhere", '"timestamp","value"\n"2025-03-01 10:00","11.60"\n"2025-03-02 10:00","11.75"\n', TWO),
    case("single quotes", "'timestamp','value'\n'2025-03-01 10:00','11.60'\n'2025-03-02 10:00','11.75'\n", TWO),
    case("doubled quotes", 'timestamp,note,value\n2025-03-01 10:00,"a ""b"", c",11.60\n2025-03-02 10:00,x,11.75\n', TWO),
    case("backslash before quotes", 'timestamp,note,value\n2025-03-01 10:00,"a \\"b\\", c",11.60\n2025-03-02 10:00,x,11.75\n', TWO),
    case("a line break in quotes", 'timestamp,note,value\n2025-03-01 10:00,"fast\npay",11.60\n2025-03-02 10:00,"a\n\nb",11.75\n', TWO),
    case("CRLF in quotes", 'timestamp,note,value\r\n2025-03-01 10:00,"fast\r\npay",11.60\r\n2025-03-02 10:00,x,11.75\r\n', TWO),
    case("a line break in a name", 'timestamp,"value\n(BOB)"\n2025-03-01 10:00,11.60\n2025-03-02 10:00,11.75\n', TWO),
    case("a quote that nobody closes costs its line", 'timestamp,note,value\n2025-03-01 10:00,x,11.60\n2025-03-01 11:00,"x,11.60\n2025-03-02 10:00,x,11.75\n', TWO, rejects=["3 3 columns expected, 2 found"]),
    case("and so does one in the last cell", 'timestamp,value,note\n2025-03-01 10:00,11.60,x\n2025-03-02 10:00,11.75,"y\n2025-03-03 10:00,11.9,z\n', TWO + "\n2025-03-03T10:00 price=11.9"),
    case("two quotes that nobody closes", 'timestamp,note,value\n2025-03-01 10:00,x,11.60\n2025-03-01 11:00,"x,11.60\n2025-03-02 10:00,x,11.75\n2025-03-02 11:00,"x,11.60\n', TWO, rejects=["3 3 columns", "5 3 columns"]),
    case("a short and a long row", "timestamp,value\n2025-03-01 10:00,11.60\n2025-03-01 11:00\n2025-03-01 12:00,1,2\n2025-03-02 10:00,11.75\n", TWO, rejects=["3 2 columns expected, 1 found", "4 2 columns expected, 3 found"]),
    case("a total at the end", text() + "Total,23.35\n", TWO, rejects=["4 timestamp: not an ISO"]),
    case("a note at the end", text() + "Source: the bank\n", TWO, rejects=["4 2 columns"]),
    case("the header again in the middle", text() + text(), TWO + "\n" + TWO, rejects=["4 timestamp: not an ISO"]),
]  # fmt: skip


HEADERS = [
    case("comment before the header", "# data of an exchange, for research only; see the site\n" + text(), TWO, said=["row 2"]),
    case("several lines before the header", "Banco Central\nCotizaciones\n\nFecha: 05/03/2025\n\nFecha;Cotización\n2025-03-01 10:00;11,60\n2025-03-02 10:00;11,75\n", TWO, said=["row 6"]),
    case("a table of facts before the header", "From,2025-03-01,To,2025-03-02\nPair,USDT/BOB\n" + text(), TWO),
    case("CryptoDataDownload's link", "https://www.CryptoDataDownload.com\n" + text(header="date,close"), TWO),
    case("a row of units", "timestamp,value\nUTC,BOB\n2025-03-01 10:00,11.60\n2025-03-02 10:00,11.75\n", TWO),
    case("units in brackets", "Date (UTC),Price (BOB)\n2025-03-01 10:00,11.60\n2025-03-02 10:00,11.75\n", TWO),
    case("two header lines", ";USDT\nFecha;Precio\n2025-03-01 10:00;11,60\n2025-03-02 10:00;11,75\n", TWO),
    case("groups above the names", "Fecha;Dólar;;Euro;\n;Compra;Venta;Compra;Venta\n2025-03-01 10:00;11,5;11,6;12,5;12,6\n2025-03-02 10:00;11,65;11,75;12,6;12,7\n", SIDES, columns={"bid": "2", "ask": "3"}),
    case("groups by currency code", "Fecha;USD;;EUR;\n;Compra;Venta;Compra;Venta\n2025-03-01 10:00;11,5;11,6;12,5;12,6\n2025-03-02 10:00;11,65;11,75;12,6;12,7\n", SIDES, market="USD/BOB@bcb"),
    case("capitals and accents", "FECHA;COTIZACIÓN\n2025-03-01 10:00;11,60\n2025-03-02 10:00;11,75\n", TWO),
    case("underscores", "fecha_hora;precio_cierre\n2025-03-01 10:00;11,60\n2025-03-02 10:00;11,75\n", TWO),
    case("camel case", "openTime,closePrice\n2025-03-01 10:00,11.60\n2025-03-02 10:00,11.75\n", TWO),
    case("run together", "fechahora,precioventa,preciocompra\n2025-03-01 10:00,11.6,11.5\n2025-03-02 10:00,11.75,11.65\n", SIDES),
    case("an unknown name over the only figures", "when,dexusbo\n2025-03-01 10:00,11.60\n2025-03-02 10:00,11.75\n", TWO),
    case("no header", "2025-03-01 10:00,11.60\n2025-03-02 10:00,11.75\n", TWO, said=["header: none"]),
    case("no name over the times", ",close\n2025-03-01 10:00,11.60\n2025-03-02 10:00,11.75\n", TWO),
    case("the same name twice", "timestamp,price,price\n2025-03-01 10:00,11.60,1\n", stops="ambiguous_columns", said=["price"]),
    case("no price", "timestamp,label\n2025-03-01 10:00,a\n", stops="bad_header", said=["label"]),
    case("no time", "name,price\nx,11\n", stops="bad_header"),
    case("several unknown figures", "timestamp,a,b\n2025-03-01 10:00,11.60,1.5\n", stops="ambiguous_columns", said=["--columns price=a"]),
    case("and which one is said", "timestamp,a,b\n2025-03-01 10:00,11.60,1.5\n2025-03-02 10:00,11.75,2\n", TWO, columns={"price": "a"}),
    case("by its number", "timestamp,a,b\n2025-03-01 10:00,11.60,1.5\n2025-03-02 10:00,11.75,2\n", TWO, columns={"price": "2"}),
    case("a column that is not there", text(), stops="bad_option", columns={"price": "nope"}, said=["timestamp, value"]),
    case("a column that is not wanted", "timestamp,close,volume\n2025-03-01 10:00,11.60,7\n2025-03-02 10:00,11.75,8\n", TWO, columns={"volume": ""}),
]  # fmt: skip


@pytest.mark.parametrize("given", [*SEPARATORS, *ENCODINGS, *LINES, *HEADERS])
def test_a_text_is_cut_as_its_writer_meant_it(given: Case) -> None:
    check(given)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_is_packed_is_read_through(pack) -> None:
    check(Case("", pack(text().encode()), TWO))
    check(Case("", pack(SEMI.encode("utf-16")), TWO))
