"""Champion and challenger: both on one stretch that neither has seen, and what follows from it.

The policy stands here once, in `decide`; docs/operations.md says it in words.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any

import ml
from analytics.models import TrainedModel
from analytics.selectors.frames import price_frame
from analytics.services.prices.history import history_span, last_moment
from analytics.services.registry.serving import predictor_of
from analytics.services.translate import ml_errors

logger = logging.getLogger(__name__)

#: Two-sided: a version is clearly better, or clearly worse, by a one-sided test at 5 %.
LEVEL = 0.10
#: A newer version that is not clearly worse takes over if it looks worse by no more than this share
#: of the champion's figure, or if so large a difference comes by chance every other time.
MARGIN, EVEN = 0.02, 0.5
#: Grid rows of the shared stretch: with more the newest, with fewer there is none.
MOST_ROWS, LEAST_ROWS = 2880, 48


def assess(model: TrainedModel, champion: TrainedModel | None) -> dict[str, Any]:
    """The figures of the decision on `model`, ready for JSON, with `verdict` (a stable word) and
    `better` (whether it may answer). Raises Unavailable where `model` itself cannot be loaded."""
    figures: dict[str, Any] = {
        "metric": model.primary_metric,
        "score": model.score,
        "baseline": model.baseline_score,
        "from": model.test_from.isoformat(),
        "until": model.data_until.isoformat(),
        "active": None,
    }
    if not model.beats_baseline:
        return figures | {"verdict": "not_better_than_baseline", "better": False}
    if champion is None or champion.pk == model.pk:
        return figures | {"verdict": "no_rival", "better": True}
    figures |= {"active_id": champion.pk, "active_name": str(champion)}
    start, end = shared_window(model, champion)
    if end - start < LEAST_ROWS * _step(model):
        figures |= {"from": None, "until": None, "active_test": champion.score}
        figures["champion_learned_until"] = champion.trained_until.isoformat()
        return figures | {"verdict": "no_shared_window", "better": False}
    figures |= {"from": start.isoformat(), "until": end.isoformat()}
    if champion.trained_until > model.test_from:
        figures["champion_learned_until"] = champion.trained_until.isoformat()
    try:
        figures |= compare(model, champion, start, end)
    except ml.NotEnoughData as error:
        return figures | {"verdict": "no_shared_window", "better": False, "why": error.message}
    except ml.MLError as error:
        # An active version that cannot answer on this stretch stands in nobody's way.
        logger.warning("active version %s cannot be compared: %s", champion, error)
        return figures | {"verdict": "rival_cannot_answer", "better": True, "why": error.message}
    newer = model.data_until > champion.data_until
    verdict, better = decide(figures, newer=newer)
    return figures | {"newer": newer, "verdict": verdict, "better": better}


def _step(model: TrainedModel) -> dt.timedelta:
    return dt.timedelta(minutes=model.step_minutes)


def shared_window(model: TrainedModel, champion: TrainedModel) -> tuple[dt.datetime, dt.datetime]:
    """From the moment after which neither learned anything to the last quote; of a long one the
    newest part. It ends before it starts where the champion learned later than all there is."""
    pair = (model, champion)
    end = last_moment(model.market)
    start = max(max(one.trained_until, one.test_from) for one in pair)
    return max(start, end - MOST_ROWS * _step(model)), end


def compare(
    model: TrainedModel, champion: TrainedModel, start: dt.datetime, end: dt.datetime
) -> dict[str, Any]:
    """What both were worth there, and the test. Raises MLError where the champion cannot be asked
    and Unavailable where `model` cannot be loaded."""
    with ml_errors():
        ours = predictor_of(model)
    back = history_span(model.step_minutes)
    frame = price_frame(model.market, since=start - back, until=end)
    compared = ml.compare_models(predictor_of(champion), ours, frame, start=start, end=end)
    found = dataclasses.asdict(compared.test)
    return {
        "active": found.pop("champion"),
        "challenger": found.pop("challenger"),
        **found,
        "higher_is_better": compared.higher_is_better,
        "horizons": [dataclasses.asdict(pair) for pair in compared.horizons],
        "note": compared.note,
    }


def decide(figures: Mapping[str, Any], *, newer: bool) -> tuple[str, bool]:
    """(verdict, whether the challenger takes over), out of what `compare` found."""
    gain = figures["difference"] * (1 if figures["higher_is_better"] else -1)
    p_value = figures["p_value"]
    if p_value is not None and p_value < LEVEL and gain:
        return ("clearly_better", True) if gain > 0 else ("clearly_worse", False)
    if newer:
        near = gain >= -MARGIN * abs(figures["active"]) or (p_value or 0) >= EVEN
        return ("newer_and_not_worse", True) if near else ("newer_but_worse", False)
    if p_value is None:
        return ("better_untested", True) if gain > 0 else ("not_better", False)
    # The same data once more: the best of many tries looks better by luck alone.
    return "not_clearly_better", False
