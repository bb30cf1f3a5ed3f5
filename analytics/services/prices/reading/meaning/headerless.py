"""Tables without names, as exchanges dump them: told by what their figures are to each other."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from analytics.lazily import np
from analytics.services.prices.reading.decisions import Choice, undecided
from analytics.services.prices.reading.meaning.contents import ColumnContent, sample_figures
from analytics.services.prices.reading.meaning.plan import ColumnPlan

#: Orders of open, high, low, close after the time: most exchanges, Bitfinex, Coinbase.
_CANDLES = ("ohlc", "ochl", "lhoc")
_MOST = 0.98
_NEAR = 0.2


def headerless_plan(
    contents: Sequence[ColumnContent], sample: Sequence[Sequence[str]]
) -> ColumnPlan:
    """Candles of any exchange (the close and the volume), trades (time, price, quantity), or a
    time and one figure; anything else stops, naming --columns. Columns are counted from 1."""
    time = _time(contents)
    figures = [n for n, c in enumerate(contents) if c.is_number and n != time]
    if time is None or not figures:
        raise _unknown(contents)
    columns = {n: sample_figures([row[n] for row in sample]) for n in figures}
    after = [n for n in figures if time < n <= time + 4]
    if len(after) == 4 and (order := _candle(np.array([columns[n] for n in after]))):
        found = {"price": after[order.index("c")]}
        volume = _candle_volume(columns, after, order)
        return ColumnPlan(time, figures=found if volume is None else found | {"volume": volume})
    if len(contents) == 2:
        return ColumnPlan(time, figures={"price": figures[0]})
    if (trades := _trades(contents, time, figures, columns)) is not None:
        return ColumnPlan(time, figures=trades)
    raise _unknown(contents)


def _time(contents: Sequence[ColumnContent]) -> int | None:
    """The first certain time; else a first column of numbers that may be one."""
    certain = [n for n, content in enumerate(contents) if content.is_time]
    if certain:
        return certain[0]
    return 0 if contents and contents[0].may_be_time else None


def _candle(prices: np.ndarray) -> str | None:
    """The order of four columns of prices (column, row) in which the high is never below and the
    low never above the others; None where none or more than one fits and it matters."""
    with np.errstate(invalid="ignore"):
        known = prices[:, np.isfinite(prices).all(axis=0)]
    if known.shape[1] == 0:
        return None
    top, bottom = known.max(axis=0), known.min(axis=0)
    fits = []
    for order in _CANDLES:
        high, low = known[order.index("h")], known[order.index("l")]
        if ((high == top) & (low == bottom)).mean() >= _MOST and (bottom > 0).all():
            fits.append(order)
    same = {known[order.index("c")].tobytes() for order in fits}
    near = known.shape[1] and np.median(top / np.maximum(bottom, 1e-300)) < 2
    return fits[0] if fits and len(same) == 1 and near else None


def _candle_volume(columns: dict[int, np.ndarray], after: list[int], order: str) -> int | None:
    """The column after the prices; the next one where that is a mean price of the candle."""
    high, low = columns[after[order.index("h")]], columns[after[order.index("l")]]
    for place in (after[-1] + 1, after[-1] + 2):
        values = columns.get(place)
        if values is None:
            return None
        with np.errstate(invalid="ignore"):
            known = np.isfinite(values) & np.isfinite(high)
            mean = ((values >= low) & (values <= high) | (values == 0))[known]
        if not len(mean) or mean.mean() < _MOST or (values[known] == 0).all():
            return place
    return None


def _trades(
    contents: Sequence[ColumnContent], time: int, figures: list[int], columns: dict[int, np.ndarray]
) -> dict[str, int] | None:
    """time, price, quantity with an epoch (Kraken). Whole numbers could be the halves of one that
    was written with a decimal comma, and two like figures could be the two sides."""
    if len(contents) != 3 or len(figures) != 2 or contents[time].zoned < 1:
        return None
    price, quantity = figures
    if contents[price].whole or contents[quantity].whole:
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(columns[price] / columns[quantity] - 1)
    if not np.nanmedian(apart) > _NEAR:
        return None
    return {"price": price, "volume": quantity}


def _unknown(contents: Sequence[ColumnContent]) -> Exception:
    kinds = [
        f"{n}={'time' if c.is_time else 'number' if c.is_number else 'text'}"
        for n, c in enumerate(contents, 1)
    ]
    return undecided(
        "ambiguous_columns",
        _("The file has no header, and its columns (%(columns)s) are of no known kind.")
        % {"columns": ", ".join(kinds[:20])},
        "columns",
        [Choice("time=1,price=2", _("the time is column 1, the price column 2, and so on"))],
    )
