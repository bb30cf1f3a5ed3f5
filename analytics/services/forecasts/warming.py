"""Before anybody asks: a web process that has just started loads what its first callers will want.

The first forecast of a process imports the libraries that read figures, reads an artifact, checks
it and reads weeks of quotes: a second, where the next one takes a hundredth of one."""

from __future__ import annotations

import logging
import threading
import time

from django.db import connections
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.urls import get_resolver

from analytics.exceptions import NotReady
from analytics.models import Forecast, Market, TrainedModel
from analytics.models.choices import Task
from analytics.selectors.models import model_active
from analytics.services.device import device_info
from analytics.services.forecasts.prediction import forecast_rehearse
from analytics.services.registry.serving import predictor_of

logger = logging.getLogger(__name__)
#: Markets that are made ready at most: their versions fit twice into what a process keeps.
MOST_MARKETS = 8


def models_warm(first: threading.Event | None = None) -> list[str]:
    """Load the active versions of the markets that were asked for last, and forecast once for each;
    answers "market task" of those that are ready. `first` is set after the first market. What fails
    is logged, and the next is tried."""
    get_resolver().url_patterns  # noqa: B018  (imports every view)
    ready: list[str] = []
    for market in _recently_asked():
        for task in Task.values:
            try:
                if _warm(market, task):
                    ready.append(f"{market.symbol} {task}")
            except Exception:
                logger.exception("warming up %s %s", market.symbol, task)
        if first is not None:
            first.set()
    return ready


def models_warm_in_background() -> threading.Event:
    """The same in a thread of its own, which the process does not wait for when it ends. What comes
    back is set once the first market is ready, or nothing is left to do."""
    first = threading.Event()
    threading.Thread(target=_in_background, args=[first], name="warm-up", daemon=True).start()
    return first


def _in_background(first: threading.Event) -> None:
    started = time.perf_counter()
    try:
        ready = models_warm(first)
        logger.info("warm: %d models in %.1f s", len(ready), time.perf_counter() - started)
        first.set()
        device_info()  # last: a child finds it out, on a core that the others want
    except Exception:
        logger.exception("the warm-up failed; the first answers take longer")
    finally:
        first.set()
        connections.close_all()  # this thread's own


def _warm(market: Market, task: str) -> bool:
    model = model_active(market.pk, task)
    if model is None:
        return False
    if task in (Task.PRICE, Task.SPREAD):
        try:
            forecast_rehearse(task=task, market=market)
        except NotReady:
            return False
    else:
        predictor_of(model)
    return True


def _recently_asked() -> QuerySet[Market]:
    """Markets with an active version, those with the newest forecasts first."""
    active = TrainedModel.objects.filter(market=OuterRef("pk"), status=TrainedModel.Status.ACTIVE)
    forecasts = Forecast.objects.filter(market=OuterRef("pk")).order_by("-as_of")
    newest = Subquery(forecasts.values("generated_at")[:1])
    markets = Market.objects.filter(Exists(active)).annotate(asked_at=newest)
    return markets.order_by(F("asked_at").desc(nulls_last=True), "pk")[:MOST_MARKETS]
