"""The page of one anomaly event: what was seen, why it is strange, what came after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics.models import AnomalyEvent
from analytics.pages.anomalies import event as told
from analytics.pages.numbers import duration, is_finite, number, written
from analytics.selectors.aftermath import HOURS, Aftermath, Outcome
from analytics.words import feature, word

#: What one key says of an event: name in the form -> (key, label, what it does).
VERDICTS = {
    "seen": ("a", gettext_lazy("Acknowledge"), gettext_lazy("somebody has seen it")),
    "true": ("t", gettext_lazy("True alarm"), gettext_lazy("something was wrong")),
    "false": ("f", gettext_lazy("False alarm"), gettext_lazy("nothing was wrong")),
}
#: Least share of the strangeness -> how much of it that is.
CAUSES = (
    (0.5, gettext_lazy("the main reason")),
    (0.2, gettext_lazy("part of it")),
    (0.0, gettext_lazy("a little of it")),
)
#: From so many outcomes on, the span of the middle eight in ten is told; of fewer all of them.
ENOUGH = 10
#: Times what is expected from which on a spread or a volume is told as a multiple.
_TIMES = 1.5


def detail(row: AnomalyEvent, found: Aftermath) -> dict[str, Any]:
    """All that is said of it in words; the chart is event_chart.event_chart's."""
    return {
        **told(row),
        "lasted": duration((row.end - row.start).total_seconds()) if row.rows > 1 else "",
        "usual_not": [text for text, usual in comparisons(row) if not usual],
        "usual": [text for text, usual in comparisons(row) if usual],
        "causes": causes(row),
        "after": after(found),
    }


def comparisons(row: AnomalyEvent) -> list[tuple[str, bool]]:
    """(sentence, whether that is usual) for each column, what lies farthest out first."""
    known = [(name, values) for name, values in row.expected.items() if _known(values)]
    known.sort(key=lambda pair: -_margins_away(pair[1]))
    return [(_compared(name, values), _is_usual(values)) for name, values in known]


def causes(row: AnomalyEvent) -> list[dict[str, Any]]:
    """What made it strange, the largest part first. `bar` is of the largest, in whole percent."""
    parts = sorted(row.contributions.items(), key=lambda pair: -pair[1])
    largest = parts[0][1] if parts else 1.0
    return [
        {
            "name": feature(name),
            "bar": round(100 * share / largest) if largest > 0 else 0,
            "word": next(text for least, text in CAUSES if share >= least),
        }
        for name, share in parts
    ]


def after(found: Aftermath) -> dict[str, Any]:
    """What followed this event and earlier ones of its kind. No `lines`: nothing did."""
    lines = [_after(place, found) for place in range(len(HOURS))]
    text = ngettext(
        "%(n)d earlier event of this kind in this market.",
        "%(n)d earlier events of this kind in this market.",
        len(found.similar),
    )
    return {
        "lines": [line for line in lines if line["own"] or line["n"]],
        "earlier": text % {"n": len(found.similar)} if found.similar else "",
        "similar": [told(one) for one in found.similar[:5]],
    }


def _after(place: int, found: Aftermath) -> dict[str, Any]:
    own = found.own[place]
    known = [one[place] for one in found.earlier if one[place].move is not None]
    return {
        "ahead": ngettext("%(n)d hour", "%(n)d hours", own.hours) % {"n": own.hours},
        "own": _outcome(own),
        "n": len(known),
        "moves": _moves([one.move for one in known if one.move is not None]),
        "spread": _median_spread(known),
    }


def _outcome(own: Outcome) -> str:
    if own.move is None:
        return ""
    if own.spread is None:
        return _signed(own.move)
    return _("%(move)s, spread %(spread)s %%") % {
        "move": _signed(own.move),
        "spread": number(own.spread),
    }


def _moves(moves: Sequence[float]) -> str:
    if not moves:
        return ""
    if len(moves) == 1:
        return _signed(moves[0])
    ordered = sorted(moves)
    cut = len(ordered) // 10 if len(ordered) >= ENOUGH else 0
    text = _("half above %(middle)s; 8 in 10 between %(low)s and %(high)s")
    if not cut:
        text = _("half above %(middle)s; all between %(low)s and %(high)s")
    ends = {"low": _signed(ordered[cut]), "high": _signed(ordered[-1 - cut])}
    return text % {"middle": _signed(median(ordered)), **ends}


def _median_spread(known: Iterable[Outcome]) -> str:
    spreads = [one.spread for one in known if one.spread is not None]
    return f"{number(median(spreads))} %" if spreads else ""


def _signed(move: float) -> str:
    return written(f"{move:+.2f} %")


# ------------------------------------------------------------------------- observed and expected
def _known(values: Mapping[str, Any]) -> bool:
    return is_finite(values.get("value"))


def _edges(values: Mapping[str, Any]) -> tuple[float, float] | None:
    """The margins, where some were drawn."""
    low, high = values.get("lower"), values.get("upper")
    if not (is_finite(low) and is_finite(high)) or low == high:
        return None
    return low, high


def _is_usual(values: Mapping[str, Any]) -> bool:
    edges, observed = _edges(values), values.get("observed")
    return edges is not None and is_finite(observed) and edges[0] <= observed <= edges[1]


def _margins_away(values: Mapping[str, Any]) -> float:
    """Distance in margins; what is missing is farther than anything."""
    observed, value, edges = values.get("observed"), values["value"], _edges(values)
    if not is_finite(observed):
        return float("inf")
    half = (edges[1] - edges[0]) / 2 if edges else abs(value) or 1.0
    return abs(observed - value) / half


def _compared(name: str, values: Mapping[str, Any]) -> str:
    observed, value, edges = values.get("observed"), values["value"], _edges(values)
    said = {"what": word(name), "observed": number(observed), "value": number(value)}
    if not is_finite(observed):
        return _("%(what)s: missing; %(value)s was expected") % said
    text = _how_far(name, observed, value, said)
    if edges is None:
        return text
    ends = {"low": number(max(edges[0], 0.0)), "high": number(edges[1])}
    return text + " " + _("(usual: %(low)s to %(high)s)") % ends


def _how_far(name: str, observed: float, value: float, said: dict[str, str]) -> str:
    times = observed / value if value > 0 else 0.0
    if name not in ("bid", "ask", "price", "mid") and (times >= _TIMES or 0 < times <= 1 / _TIMES):
        said["times"] = written(f"{times:.1f}") if times >= 0.95 else number(times)
        return _("%(what)s: %(observed)s, %(times)s times the expected %(value)s") % said
    size = 100 * (observed - value) / abs(value) if value else 0.0
    said["size"] = written(f"{abs(size):.1f} %")
    if abs(size) < 0.05:
        return _("%(what)s: %(observed)s, as expected") % said
    if size > 0:
        return _("%(what)s: %(observed)s, %(size)s above the expected %(value)s") % said
    return _("%(what)s: %(observed)s, %(size)s below the expected %(value)s") % said
