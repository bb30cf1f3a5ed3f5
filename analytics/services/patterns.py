"""Patterns: the regime of the market, named with a probability; never sold as a forecast."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

from django.utils import timezone

import ml
from analytics import events
from analytics.conf import conf
from analytics.lazily import np
from analytics.models import Market, PatternResult
from analytics.models.direct import insert_missing
from analytics.selectors.models import Serving
from analytics.services.prices.history import history_frame, is_stale, last_moment, origin_of
from analytics.services.prices.sequences import sequence_frame
from analytics.services.prices.unchanged import Work, keep_unchanged
from analytics.services.registry.expiry import expiry_note, expiry_of
from analytics.services.registry.serving import answer_with, describe
from analytics.services.registry.untrained import untrained_baseline

_Found = tuple[Serving, "ml.Patterns", float, bool]


def pattern_recognize(
    *,
    market: Market,
    sequence: Any = None,
    at: dt.datetime | None = None,
    history: int = 0,
) -> dict[str, Any]:
    """The pattern at the last stored quote (at or before `at`) or at the end of a posted sequence,
    with the `history` recognitions before it. Raises as `forecast_make` does."""
    if sequence is not None:
        found = _recognised(market, sequence, None, at, history)
    else:
        found, _kept = keep_unchanged(market, _of_history(market, at, history, _is_new))
    serving, patterns, milliseconds, stale = found
    expired = expiry_of(serving.model, at=patterns.current.as_of)
    return {
        "market": market.symbol,
        "model": describe(serving, at=patterns.current.as_of),
        "generated_at": timezone.now(),
        "stale": stale,
        "current": dataclasses.asdict(patterns.current),
        "history": [dataclasses.asdict(p) for p in patterns.history],
        "analogues": dataclasses.asdict(patterns.analogues) if patterns.analogues else None,
        "notes": [*patterns.notes, *expiry_note(expired)],
        "device": conf().SERVE_DEVICE,
        "latency_ms": round(milliseconds, 3),
    }


def pattern_work(*, market: Market) -> Work[_Found, None]:
    """The pattern at the last quote, to be stored; nobody is answered. Raises as `forecast_make`
    does."""
    return _of_history(market, None, 0, lambda found: found[0].model.pk is not None)


def _of_history(
    market: Market, at: dt.datetime | None, history: int, needed: Callable[[_Found], bool]
) -> Work[_Found, None]:
    """The pattern at the last stored quote."""
    return Work(
        lambda: _recognised(market, None, last_moment(market, at), at, history),
        lambda found: _keep(market, *found[:2]),
        needed,
    )


def _recognised(
    market: Market,
    sequence: Any,
    last: dt.datetime | None,
    at: dt.datetime | None,
    history: int,
) -> _Found:
    """(who answered, what, milliseconds, whether the last quote is too old)."""

    def ask(serving: Serving, predictor: ml.DLPredictor) -> ml.Patterns:
        if last is None:
            frame = sequence_frame(sequence, serving.model)
        else:
            frame = history_frame(market, until=last, step_minutes=serving.model.step_minutes)
        origin = None if last is None else origin_of(last, serving.model.step_minutes, at)
        return predictor.recognize_patterns(
            frame, at=origin, history=history, source=ml.Source(serving.source)
        )

    serving, patterns, milliseconds = answer_with(market, "pattern", ask, or_baseline=True)
    stale = last is not None and is_stale(last, serving.model.step_minutes, at)
    return serving, patterns, milliseconds, stale


def _is_new(found: _Found) -> bool:
    """Whether it is to be stored: a version's, and the first of its moment."""
    serving, patterns = found[:2]
    if serving.model.pk is None:
        return False
    same = {"model": serving.model, "source": serving.source}
    return not PatternResult.objects.filter(**same, as_of=patterns.current.as_of).exists()


def _keep(market: Market, serving: Serving, patterns: ml.Patterns) -> None:
    """One row per version and moment: what another process stored of it stands."""
    row = PatternResult(
        model=serving.model,
        source=serving.source,
        as_of=patterns.current.as_of,
        **_columns(market, serving, patterns),
    )
    insert_missing(PatternResult, [row])


def pattern_untrained(*, market: Market) -> PatternResult | None:
    """What the rule says of a market with too few quotes for a network, as a row that is in no
    table; None where a version answers, or somebody should train one."""
    if untrained_baseline(market, "pattern") is None:
        return None
    serving, patterns, *_rest = _recognised(market, None, last_moment(market), None, 0)
    if serving.model.pk is not None:
        return None
    return PatternResult(
        model=serving.model,
        source=serving.source,
        as_of=patterns.current.as_of,
        **_columns(market, serving, patterns),
    )


def _columns(market: Market, serving: Serving, patterns: ml.Patterns) -> dict[str, Any]:
    """Of the result's row, beside what tells it from others."""
    pattern = patterns.current
    return {
        "market": market,
        "name": serving.name,
        "label": pattern.label,
        "probability": pattern.probability,
        "clear": pattern.clear,
        "heads": pattern.heads,
        "held": {
            head: {"name": held.name, "since": held.since.isoformat()}
            for head, held in pattern.held.items()
        },
        "analogues": _stored(patterns.analogues),
        "notes": list(patterns.notes),
    }


def _stored(found: ml.Analogues | None) -> dict[str, Any] | None:
    """As JSON for the database; six decimals of a log price are below any tick."""
    if found is None:
        return None

    def plain(path: tuple[float, ...]) -> list[float]:
        found: list[float] = np.round(path, 6).tolist()
        return found

    nearest = [
        {
            "as_of": one.as_of.isoformat(),
            "distance": round(one.distance, 4),
            "before": plain(one.before),
            "after": plain(one.after),
            "move": round(one.move, 6),
        }
        for one in found.nearest
    ]
    return {**vars(found), "nearest": nearest, "gain": found.gain and [*found.gain]}


@events.subscribe(events.QuotesDeleted, durable=True)
def patterns_forget(gone: events.QuotesDeleted) -> None:
    """Delete the patterns that were recognised at a deleted quote."""
    PatternResult.objects.filter(market=gone.market_id, **gone.spoken_for("as_of")).delete()
