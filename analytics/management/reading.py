"""Options of the commands that read files of quotes, and how what was decided is said."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from analytics.services.prices.reading import Decision, ReadOptions, parse_columns


def add_reading(parser: ArgumentParser) -> None:
    """How a file is to be read, where it leaves that open."""
    parser.add_argument("--decimal", metavar="MARK", help="The decimal mark: . or ,")
    parser.add_argument(
        "--date-format", metavar="ORDER", help="dmy, mdy, ymd, or a pattern such as %%d.%%m.%%Y"
    )
    parser.add_argument(
        "--tz", metavar="ZONE", help="Zone of times without one, e.g. America/La_Paz."
    )
    parser.add_argument(
        "--columns", metavar="ROLE=NAME,...", help="Which column is what, e.g. bid=compra,ask=venta"
    )
    parser.add_argument("--delimiter", metavar="MARK", help=", ; | or tab")
    parser.add_argument("--encoding", metavar="NAME", help="e.g. cp1252; told from the file.")
    parser.add_argument("--sheet", metavar="NAME", help="Of a workbook, or the file of a zip.")


def reading_of(options: dict[str, Any], **more: Any) -> ReadOptions:
    """The same options, checked; raises InvalidInput (bad_option, bad_market)."""
    names = ("decimal", "date_format", "tz", "delimiter", "encoding", "sheet")
    columns = parse_columns(options["columns"] or "")
    return ReadOptions(**{n: options[n] for n in names}, columns=columns, **more)


def decision_lines(decisions: Iterable[Decision]) -> list[str]:
    """A line each, with the option that chooses otherwise."""
    return [
        f"  {one}" + (f" [--{one.option.replace('_', '-')}]" if one.option else "")
        for one in decisions
    ]
