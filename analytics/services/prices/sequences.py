"""A posted sequence becomes a quotes frame. The caller posts raw quotes; features and scaling are
the server's. One row stands for one step of the model's grid; the last row is now, unless the rows
carry timestamps of their own."""

from __future__ import annotations

import datetime as dt
import math
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


def sequence_frame(
    sequence: Any, model: TrainedModel, *, now: dt.datetime | None = None
) -> pd.DataFrame:
    """Check every number, then build the frame. Raises InvalidInput with one of the codes
    bad_sequence, sequence_too_short, sequence_too_long; the fields name row and column."""
    _check_length(sequence, model)
    columns = list(model.input_columns)
    rows, stamps = _read_rows(sequence, columns)
    values = np.array(rows, dtype="float64").reshape(len(rows), len(columns))
    _check_prices(values, columns, model)
    index = _stamps(stamps) if stamps else _spaced(len(rows), model.step_minutes, now)
    frame = pd.DataFrame(values, index=index, columns=columns)
    return frame


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


def _read_rows(sequence: list[Any], columns: list[str]) -> tuple[list[list[float]], list[Any]]:
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
    return rows, stamps if any(s is not None for s in stamps) else []


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
    if not math.isfinite(number) or abs(number) > 1e15:
        problems[where] = _("must be a finite number")
    elif number <= 0 and where.rsplit(".", 1)[1] in _POSITIVE:
        problems[where] = _("a price must be above zero")
    elif number < 0:
        problems[where] = _("must not be negative")
    return number


def _spaced(rows: int, step_minutes: int, now: dt.datetime | None) -> pd.DatetimeIndex:
    step = step_minutes * 60
    end = int((now or timezone.now()).timestamp()) // step
    moments = np.arange(end - rows + 1, end + 1, dtype="int64") * (step * 10**9)
    return pd.DatetimeIndex(moments, tz="UTC")


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


def _stamps(stamps: list[Any]) -> pd.DatetimeIndex:
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
    return pd.DatetimeIndex(parsed).as_unit("ns")


def _bad(problems: dict[str, str]) -> InvalidInput:
    return InvalidInput(_("The sequence cannot be used."), "bad_sequence", problems)
