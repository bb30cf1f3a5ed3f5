"""A posted sequence becomes a quotes frame. The caller posts raw quotes; features and scaling are
the server's. One row stands for one step of the model's grid; the last row is now, unless the rows
carry timestamps of their own."""

from __future__ import annotations

import datetime as dt
import math
from itertools import chain
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

import ml
from analytics.conf import conf
from analytics.exceptions import InvalidInput
from analytics.lazily import np, pd
from analytics.models import TrainedModel
from analytics.models.choices import Task

_MOST_NAMED = 20
#: The largest number that is taken.
_MOST = 1e15
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def sequence_frame(
    sequence: Any, model: TrainedModel, *, now: dt.datetime | None = None
) -> pd.DataFrame:
    """What `sequence_quotes` reads, as a frame."""
    return sequence_quotes(sequence, model, now=now).frame()


def sequence_quotes(
    sequence: Any, model: TrainedModel, *, now: dt.datetime | None = None
) -> ml.QuoteArrays:
    """Check every number, then lay them out. Raises InvalidInput with one of the codes
    bad_sequence, sequence_too_short, sequence_too_long; the fields name row and column."""
    _check_length(sequence, model)
    columns = list(model.input_columns)
    read = _read_plain(sequence, columns) or _read_rows(sequence, columns)
    values, stamps = read
    _check_prices(values, columns, model)
    times = _stamps(stamps) if stamps else _spaced(len(values), model.step_minutes, now)
    return ml.QuoteArrays(times, {name: values[:, place] for place, name in enumerate(columns)})


def _check_prices(values: np.ndarray, columns: list[str], model: TrainedModel) -> None:
    """Every price that the model looks at must be known somewhere; a detector scores what there is,
    and needs one of them."""
    prices = [name for name in columns if name in ml.PRICE_COLUMNS]
    unknown = [name for name in prices if np.isnan(values[:, columns.index(name)]).all()]
    if unknown and (unknown == prices or model.task != Task.ANOMALY):
        why = _("every value of %(columns)s is null; send known prices")
        raise _bad({"sequence": why % {"columns": ", ".join(unknown)}})


def _check_length(sequence: Any, model: TrainedModel) -> None:
    if not isinstance(sequence, list):
        raise _bad({"sequence": _("must be a list of rows")})
    most = conf().MAX_SEQUENCE_ROWS
    if len(sequence) > most:
        raise InvalidInput(
            _("The sequence has %(present)s rows; at most %(most)s are taken.")
            % {"present": len(sequence), "most": most},
            "sequence_too_long",
            {"sequence": _("post the latest rows only")},
            most=most,
            present=len(sequence),
        )
    if len(sequence) < model.window:
        raise InvalidInput(
            _("The sequence has %(present)s rows; this model needs %(needed)s.")
            % {"present": len(sequence), "needed": model.window},
            "sequence_too_short",
            {"sequence": _("post at least %(n)s rows") % {"n": model.window}},
            needed=model.window,
            present=len(sequence),
        )


_CELLS = frozenset((float, int, type(None)))


def _read_plain(sequence: list[Any], columns: list[str]) -> tuple[np.ndarray, list[Any]] | None:
    """What `_read_rows` answers where every cell is as it should be, found for all of them at once;
    None where one may not be, or it cannot be told here."""
    kinds, stamps = set(map(type, sequence)), []
    if kinds == {list}:
        if set(map(len, sequence)) != {len(columns)}:
            return None
        cells = list(chain.from_iterable(sequence))
    elif kinds == {dict}:
        known, names = {*columns, "timestamp"}, set(columns)
        if not all(row.keys() <= known and row.keys() & names for row in sequence):
            return None
        cells = [row.get(name) for row in sequence for name in columns]
        stamps = [row.get("timestamp") for row in sequence]
    else:
        return None
    if not set(map(type, cells)) <= _CELLS:
        return None
    try:
        values = np.array(cells, dtype="float64").reshape(len(sequence), len(columns))
    except OverflowError:
        return None
    positive = [name in _POSITIVE for name in columns]
    fine = (values >= 0) & (values <= _MOST) & ((values > 0) | ~np.array(positive))
    if np.count_nonzero(fine) + cells.count(None) != len(cells):
        return None
    return values, stamps if any(stamp is not None for stamp in stamps) else []


def _read_rows(sequence: list[Any], columns: list[str]) -> tuple[np.ndarray, list[Any]]:
    """The numbers (rows, columns) and what stands for their times, where anything does."""
    rows: list[list[float]] = []
    stamps: list[Any] = []
    problems: dict[str, str] = {}
    for number, row in enumerate(sequence):
        where = f"sequence.{number}"
        if isinstance(row, dict):
            stamps.append(row.get("timestamp"))
            cells = _by_name(row, columns, where, problems)
        elif isinstance(row, list):
            stamps.append(None)
            cells = row
            if len(row) != len(columns):
                problems[where] = _("has %(n)s values; the columns are %(columns)s") % {
                    "n": len(row),
                    "columns": ", ".join(columns),
                }
                cells = []
        else:
            problems[where] = _("must be a list of numbers or an object")
            cells = []
        rows.append([_number(v, f"{where}.{c}", problems) for v, c in zip(cells, columns)])  # noqa: B905
        if len(problems) >= _MOST_NAMED:
            break
    if problems:
        raise _bad(problems)
    values = np.array(rows, dtype="float64").reshape(len(rows), len(columns))
    return values, stamps if any(s is not None for s in stamps) else []


def _by_name(
    row: dict[str, Any], columns: list[str], where: str, problems: dict[str, str]
) -> list[Any]:
    for name in row.keys() - set(columns) - {"timestamp"}:
        problems[f"{where}.{name}"] = _("unknown column; the columns are %(columns)s") % {
            "columns": ", ".join(columns)
        }
    if not row.keys() & set(columns):
        problems.setdefault(
            where, _("has none of the columns %(columns)s") % {"columns": ", ".join(columns)}
        )
    return [row.get(name) for name in columns]


_POSITIVE = frozenset(column.name for column in ml.QUOTE_SCHEMA if column.positive)


def _number(value: Any, where: str, problems: dict[str, str]) -> float:
    """A number, or NaN for null: a side that is not known is data."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        problems[where] = _("must be a number or null")
        return math.nan
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or abs(number) > _MOST:
        problems[where] = _("must be a finite number")
    elif number <= 0 and where.rsplit(".", 1)[1] in _POSITIVE:
        problems[where] = _("a price must be above zero")
    elif number < 0:
        problems[where] = _("must not be negative")
    return number


def _spaced(rows: int, step_minutes: int, now: dt.datetime | None) -> np.ndarray:
    step = step_minutes * 60
    end = int((now or timezone.now()).timestamp()) // step
    return np.arange(end - rows + 1, end + 1, dtype="int64") * (step * 10**9)


def _moment(text: Any) -> dt.datetime | None:
    """An aware time that a nanosecond index can hold; without a zone it is UTC."""
    try:
        moment = parse_datetime(text) if isinstance(text, str) else None
        if moment is None or not 1970 < moment.year < 2200:
            return None
        aware = moment if timezone.is_aware(moment) else moment.replace(tzinfo=dt.UTC)
        return aware.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def _stamps(stamps: list[Any]) -> np.ndarray:
    """Nanoseconds since 1970."""
    problems: dict[str, str] = {}
    parsed: list[dt.datetime] = []
    for number, text in enumerate(stamps):
        moment = _moment(text)
        if moment is None:
            problems[f"sequence.{number}.timestamp"] = _("must be an ISO 8601 time, 1970 to 2200")
        else:
            parsed.append(moment)
        if parsed[-2:] != sorted(set(parsed[-2:])):
            problems[f"sequence.{number}.timestamp"] = _("must be later than the row before")
        if len(problems) >= _MOST_NAMED:
            break
    if problems:
        raise _bad(problems)
    microseconds = [(moment - _EPOCH) // dt.timedelta(microseconds=1) for moment in parsed]
    return np.array(microseconds, dtype="int64") * 1000


def _bad(problems: dict[str, str]) -> InvalidInput:
    return InvalidInput(_("The sequence cannot be used."), "bad_sequence", problems)
