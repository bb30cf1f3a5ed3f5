"""From recognitions to what the page of patterns says: words, pictures, tables; reads nothing."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from analytics.models import PatternResult
from analytics.notes import notes
from analytics.pages.charts import Chart, Line, Panel, Table, digits, figures
from analytics.pages.metrics import baseline_name
from analytics.pages.numbers import duration, number, percent, written
from analytics.selectors.patterns import PatternView
from analytics.words import word


def page(view: PatternView) -> dict[str, Any]:
    """One market: its name now, its picture, the names that are held, history and analogues."""
    pattern = view.current
    if pattern is None:
        return {"market": view.market, "pattern": None}
    title = _("%(market)s: the last %(span)s") % {
        "market": view.market.symbol,
        "span": duration(60 * 48 * pattern.model.step_minutes),
    }
    line = [(at.timestamp(), value) for at, value in view.prices]
    return {
        "market": view.market,
        "pattern": pattern,
        "by": baseline_name(pattern.name),
        "name": word(pattern.label) if pattern.clear else _("no clear pattern"),
        "nearest_name": word(pattern.label),
        "percent": percent(pattern.probability),
        "heads": heads(pattern),
        "notes": notes(pattern.notes),
        "held": held(pattern),
        "chart": _day(pattern, line, title),
        "chart_title": title,
        "history": [
            {
                "at": row.as_of,
                "name": word(row.label) if row.clear else _("no clear pattern"),
                "percent": percent(row.probability),
                "held": ", ".join(h["name"] for h in held(row)),
            }
            for row in view.history
        ],
        "analogues": analogues(pattern, line),
    }


def heads(pattern: PatternResult) -> list[dict[str, Any]]:
    """Every aspect with its classes, the most probable first."""
    return [
        {
            "name": word(name),
            "classes": [
                {"name": word(label), "percent": round(100 * share)}
                for label, share in sorted(shares.items(), key=lambda item: -item[1])
            ],
        }
        for name, shares in pattern.heads.items()
    ]


def held(pattern: PatternResult) -> list[dict[str, Any]]:
    """The name that each aspect is held under, since when and for how long."""
    found = []
    for head, entry in pattern.held.items():
        since = dt.datetime.fromisoformat(entry["since"])
        found.append(
            {
                "head": word(head),
                "name": word(entry["name"]),
                "since": since,
                "lasts": duration((pattern.as_of - since).total_seconds()),
            }
        )
    return found


def analogues(
    pattern: PatternResult, line: Sequence[tuple[float, float]] = ()
) -> dict[str, Any] | None:
    """Similar moments as a picture (with the last day itself, where its prices are given), what
    followed them beside what followed any, and whether that has been worth something."""
    found = pattern.analogues
    if not found:
        return None
    day = 24 * pattern.model.step_minutes / 30  # hours in 48 steps
    mine = _relative(line)
    most = _most(found, mine)
    lines = [_cut(_path(one, day), most) for one in found["nearest"]]
    title = _("%(n)d similar moments of the past and what followed") % {"n": len(lines)}
    levels = found["quantiles"]
    return {
        "chart": _similar(pattern, lines, mine, title, _followed(found)),
        "title": title,
        "count": found["count"],
        "nearest": [
            {
                "at": dt.datetime.fromisoformat(one["as_of"]),
                "distance": written(f"{one['distance']:.2f}"),
                "move": _move(one["move"]),
            }
            for one in found["nearest"]
        ],
        "levels": [
            {"level": percent(float(k)), "alike": _move(v), "any": _move(found["any_quantiles"][k])}
            for k, v in levels.items()
        ],
        "proven": found["proven"],
        "worth": _worth(found),
    }


def _day(pattern: PatternResult, line: list[tuple[float, float]], title: str) -> Chart | None:
    """The average price of the stretch that was named."""
    if not line:
        return None
    x, values = zip(*line, strict=True)
    table = Table(x=x, columns={"price": values})
    shown = Line(column="price", label=_("price"), width=2)
    return Chart(
        id=f"pattern-{pattern.pk}",
        title=title,
        summary=_in_words(pattern, line),
        tables=[table],
        panels=[Panel(lines=[shown], digits=digits(values))],
        figures=figures(table, {"price": _("price")}),
    )


def _similar(
    pattern: PatternResult,
    paths: Sequence[Sequence[tuple[float, float]]],
    mine: Sequence[tuple[float, float]],
    title: str,
    summary: str,
) -> Chart:
    """Days that were alike, each before and after its moment, under the last day itself."""
    tables, lines = [], []
    for place, path in enumerate([*paths, *([mine] if mine else [])]):
        x, values = zip(*path, strict=True)
        tables.append(Table(x=x, columns={f"path{place}": values}))
        lines.append(Line(column=f"path{place}", color="soft", width=1.2, alpha=0.7))
    if mine:
        lines[-1] = Line(column=lines[-1].column, label=_("the last day"), width=2.4)
    return Chart(
        id=f"similar-{pattern.pk}",
        title=title,
        summary=summary,
        tables=tables,
        panels=[Panel(lines=lines, rules=[0.0], digits=2, unit="%")],
        time=False,
        unit="h",
    )


def _relative(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """(seconds, price) as hours before the last one and percent of it."""
    if not line:
        return []
    end, last = line[-1]
    return [((at - end) / 3600, 100 * (value / last - 1)) for at, value in line]


def _most(found: dict[str, Any], mine: list[tuple[float, float]]) -> float:
    """Where the picture ends: one shock of the past must not flatten all the rest."""
    wide = [100 * abs(math.expm1(found["quantiles"][level])) for level in ("0.05", "0.95")]
    return 1.5 * max([*wide, *(abs(value) for _at, value in mine)])


def _cut(path: list[tuple[float, float]], most: float) -> list[tuple[float, float]]:
    return [(at, max(-most, min(most, value))) for at, value in path]


def _path(one: dict[str, Any], day: float) -> list[tuple[float, float]]:
    """A day before and a day after, in hours and percent of the price at the moment."""
    before, after = one["before"], one["after"]
    step = day / (len(after) - 1)
    values = [*before[:-1], *after]
    start = -(len(before) - 1) * step
    return [(start + k * step, 100 * math.expm1(v)) for k, v in enumerate(values)]


def _move(log_move: float) -> str:
    return written(f"{100 * math.expm1(log_move):+.2f} %")


def _worth(found: dict[str, Any]) -> str:
    """One sentence on whether similar moments told more than any moment of the same regime."""
    if not found["gain"]:
        return _("Whether similar moments tell more than any other has not been measured here.")
    mean, low, high = found["gain"]
    figures = {
        name: written(f"{value:+.3f}")
        for name, value in (("mean", mean), ("low", low), ("high", high))
    }
    if found["proven"]:
        return (
            _(
                "On unseen data they told more about the next day than a random choice of the same "
                "regime: distribution error %(mean)s (%(low)s to %(high)s)."
            )
            % figures
        )
    return (
        _(
            "On unseen data they told no more about the next day than a random choice of the same "
            "regime: distribution error %(mean)s (%(low)s to %(high)s). Take them as illustrations."
        )
        % figures
    )


def _followed(found: dict[str, Any]) -> str:
    text = _(
        "Half of the %(n)d most similar moments were followed by %(low)s to %(high)s in a day."
    )
    levels = found["quantiles"]
    values = {"low": _move(levels["0.25"]), "high": _move(levels["0.75"]), "n": found["count"]}
    return text % values


def _in_words(pattern: PatternResult, line: list[tuple[float, float]]) -> str:
    """What the picture shows, for those who do not see it."""
    if not line:
        return ""
    values = [value for _at, value in line]
    text = _("From %(first)s to %(last)s, lowest %(low)s, highest %(high)s. Named: %(name)s.")
    return text % {
        "first": number(values[0]),
        "last": number(values[-1]),
        "low": number(min(values)),
        "high": number(max(values)),
        "name": word(pattern.label),
    }
