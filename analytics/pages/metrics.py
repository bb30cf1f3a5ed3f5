"""The metrics of the models, for people: a name, what it means in a line, which way is better.

The one table of its kind: every page, the admin, the terminal's tables and the model cards take
their words from here. The API keeps the raw names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics.pages.numbers import count, number, percent
from analytics.words import word

LOWER = gettext_lazy("lower is better")
HIGHER = gettext_lazy("higher is better")


@dataclass(frozen=True)
class Metric:
    """`better` says which way is better (empty where neither is), `write` how a value is put."""

    name: str
    meaning: str
    better: str = LOWER
    write: Callable[[Any], str] = number


_DAILY = gettext_lazy("that of the median at the same hour of the seven days before")

#: By raw name. What is measured at every horizon ends in `_h` (in the raw name the steps follow),
#: what is measured for every aspect of a pattern in `_*` (for which the aspect stands).
METRICS = {
    # forecasts, over all horizons
    "crps": Metric(
        gettext_lazy("distribution error (last value = 1)"),
        gettext_lazy(
            "average error of the forecast distribution (continuous ranked probability score), "
            "over all horizons where none is named; 1.00 = the last value"
        ),
    ),
    "mae": Metric(
        gettext_lazy("average error (last value = 1)"),
        gettext_lazy(
            "average distance between forecast and outcome, over all horizons where none is named; "
            "1.00 = the last value"
        ),
    ),
    "n": Metric(
        gettext_lazy("forecasts measured"),
        gettext_lazy("how many forecasts the figures stand on"),
        better="",
        write=count,
    ),
    # forecasts, at one horizon; see also below
    "mae_h": Metric(
        gettext_lazy("average error (in its unit)"),
        gettext_lazy("average distance between forecast and outcome, in the forecast's unit"),
    ),
    "crps_h": Metric(
        gettext_lazy("distribution error (in its unit)"),
        gettext_lazy("average error of the forecast distribution, in the forecast's unit"),
    ),
    "cov80_h": Metric(
        gettext_lazy("inside the interval (80 %)"),
        gettext_lazy("share of the outcomes inside the interval, which promises 80 %"),
        better=gettext_lazy("best near 80 %"),
        write=percent,
    ),
    "cov90_h": Metric(
        gettext_lazy("inside the interval (90 %)"),
        gettext_lazy("share of the outcomes inside the interval, which promises 90 %"),
        better=gettext_lazy("best near 90 %"),
        write=percent,
    ),
    "mae_seasonal_h": Metric(
        gettext_lazy("average error of the same hour (last value = 1)"), _DAILY
    ),
    "crps_seasonal_h": Metric(
        gettext_lazy("distribution error of the same hour (last value = 1)"), _DAILY
    ),
    "width80_h": Metric(
        gettext_lazy("width of the interval (80 %, in its unit)"),
        gettext_lazy("average width of the interval that promises 80 %"),
        better=gettext_lazy("lower is better where as many are inside"),
    ),
    # anomalies
    "average_precision": Metric(
        gettext_lazy("faults ranked first"),
        gettext_lazy(
            "how well the scores put planted faults before ordinary rows (average precision); "
            "1.00 = all before the first ordinary row"
        ),
        better=HIGHER,
    ),
    "recall_at_one_a_week": Metric(
        gettext_lazy("faults found at one false alarm a week"),
        gettext_lazy("share of the planted faults found while one alarm a week is false"),
        better=HIGHER,
        write=percent,
    ),
    "recall": Metric(
        gettext_lazy("faults found"),
        gettext_lazy("share of the planted faults found at the threshold that is in use"),
        better=HIGHER,
        write=percent,
    ),
    "false_alarms_per_week": Metric(
        gettext_lazy("false alarms a week"),
        gettext_lazy("alarms a week where no fault was planted; 1 is promised"),
    ),
    # patterns
    "macro_f1": Metric(
        gettext_lazy("names recognised"),
        gettext_lazy(
            "how well each name is found and kept to its place, every name counting alike "
            "(mean F1 score); 1.00 = without a fault"
        ),
        better=HIGHER,
    ),
    "accuracy": Metric(
        gettext_lazy("rows named right"),
        gettext_lazy("share of the rows whose most probable name is the right one"),
        better=HIGHER,
        write=percent,
    ),
    "ece": Metric(
        gettext_lazy("error of the probabilities"),
        gettext_lazy(
            "average gap between the stated probability and the share that was right (expected "
            "calibration error)"
        ),
    ),
    "f1_*": Metric(
        gettext_lazy("names recognised"),
        gettext_lazy("the same for one aspect"),
        better=HIGHER,
    ),
    "lag_*": Metric(
        gettext_lazy("delay of a new name (hours)"),
        gettext_lazy("median time from a change to the name that tells it"),
    ),
    "flicker_*": Metric(
        gettext_lazy("changes of name a day"),
        gettext_lazy("how often the held name changes"),
    ),
    "analogues": Metric(
        gettext_lazy("similar moments against any"),
        gettext_lazy(
            "distribution error of what followed similar moments, less that of any moment of the "
            "same regime; below 0 similar moments tell more"
        ),
    ),
    "analogues_low": Metric(
        gettext_lazy("similar moments against any, at the least"),
        gettext_lazy("lower end of its interval (95 %)"),
    ),
    "analogues_high": Metric(
        gettext_lazy("similar moments against any, at the most"),
        gettext_lazy("upper end of its interval (95 %)"),
    ),
}
# The same at one horizon as over all of them.
_AS_OVER_ALL = {"n_h": "n", "mae_skill_h": "mae", "crps_skill_h": "crps"}
METRICS |= {name: METRICS[over_all] for name, over_all in _AS_OVER_ALL.items()}


def metric(raw: str) -> Metric:
    """What a raw name of `ml` means; one that is not in the table stands for itself."""
    kind, part = _kind(raw)
    found = METRICS.get(kind, Metric(raw, "", better=""))
    if not part:
        return found
    if kind.endswith("_h"):
        text = ngettext("%(name)s, %(n)d step ahead", "%(name)s, %(n)d steps ahead", int(part))
        return replace(found, name=text % {"name": found.name, "n": int(part)})
    return replace(found, name=f"{found.name}: {word(part)}")


def metric_name(raw: str) -> str:
    """Its display name, in the reader's language."""
    return str(metric(raw).name)


def metric_head(raw: str) -> str:
    """The same as the head of a column."""
    return capfirst(metric_name(raw))


def metric_value(raw: str, value: float | None) -> str:
    """A figure as its metric is written; a dash for the unknown."""
    return metric(raw).write(value)


def metric_hint(raw: str) -> str:
    """Its meaning and which way is better, in one line; empty for one that nobody explained."""
    return _hint(metric(raw))


def metric_table(
    rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], *, steps: str = "horizon"
) -> tuple[list[str], list[list[str]]]:
    """(heads, lines) of figures per horizon: `columns` maps a row's key to the raw name of what it
    holds, `steps` is the key of the horizon."""
    pairs = columns.items()
    lines = [
        [str(row[steps]), *(metric_value(raw, row.get(key)) for key, raw in pairs)] for row in rows
    ]
    return [_("Steps"), *map(metric_head, columns.values())], lines


def metric_lines(raws: Iterable[str]) -> list[str]:
    """A line for each kind of metric among these, in their order: name, meaning, direction."""
    found = (METRICS.get(_kind(raw)[0]) for raw in raws)
    lines = (f"{capfirst(one.name)}: {_hint(one)}." for one in found if one is not None)
    return list(dict.fromkeys(lines))


def _hint(found: Metric) -> str:
    return "; ".join(str(part) for part in (found.meaning, found.better) if part)


def _kind(raw: str) -> tuple[str, str]:
    """(key of the table, steps or aspect): ("cov80_h", "6"), ("f1_*", "spread"), ("crps", "")."""
    stem, _h, steps = raw.rpartition("_h")
    if steps.isdigit() and f"{stem}_h" in METRICS:
        return f"{stem}_h", steps
    stem, _part, aspect = raw.partition("_")
    if raw not in METRICS and f"{stem}_*" in METRICS:
        return f"{stem}_*", aspect
    return raw, ""


#: What answers where no network is better, in words.
BASELINES = {
    "last_value": gettext_lazy("the last value"),
    "robust_z": gettext_lazy("robust z-scores"),
    "trailing_rule": gettext_lazy("the trailing rule"),
}


def baseline_name(raw: str) -> str:
    """The name of a baseline; an unknown one stands for itself."""
    return str(BASELINES.get(raw, raw))
