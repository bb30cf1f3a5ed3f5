"""What was found in quotes that are deleted goes with them."""

from __future__ import annotations

from django.db.models import Count, Max, Min

from analytics import events
from analytics.models import AnomalyEvent, AnomalyResult, AnomalyStream, AnomalyWatch, PriceHistory
from analytics.selectors.anomalies import fact_of
from analytics.services.anomalies.grouping import worst

#: What an event says in the words of its strangest row.
_OF_PEAK = ("score", "threshold", "kind", "text", "phrases", "expected", "contributions")


@events.subscribe(events.QuotesDeleted, durable=True)
def anomalies_forget(gone: events.QuotesDeleted) -> None:
    """Delete the strange rows among the deleted quotes. An event is what its other rows make of it;
    without any it is over. The watch goes back to the last quote that is left."""
    rows = AnomalyResult.objects.filter(
        market=gone.market_id, timestamp__gte=gone.first, timestamp__lte=gone.last
    )
    touched = set(rows.order_by().values_list("event", flat=True))
    rows.delete()
    # Locked, so that what somebody says of one meanwhile comes after what is written here.
    held = AnomalyEvent.objects.select_for_update(no_key=True).filter(pk__in=touched)
    for event in held.order_by("pk"):
        _retell(event)
    AnomalyStream.objects.filter(market=gone.market_id, until__gte=gone.first).delete()
    _rewind(gone.market_id)


def _retell(event: AnomalyEvent) -> None:
    """The event as its remaining rows have it."""
    rows = event.results.order_by()
    span = rows.aggregate(start=Min("timestamp"), end=Max("timestamp"), rows=Count("pk"))
    if not span["rows"]:
        fact = fact_of(event)
        event.delete()
        events.publish(events.AnomalyClosed(**fact))
        return
    peak = rows.order_by("-score", "timestamp")[0]
    for name, value in {**span, "peak": peak.timestamp}.items():
        setattr(event, name, value)
    for name in _OF_PEAK:
        setattr(event, name, getattr(peak, name))
    event.severity = worst(rows.values_list("severity", flat=True))
    event.save()
    events.publish(events.AnomalyChanged(**fact_of(event)))


def _rewind(market_id: int) -> None:
    quotes = PriceHistory.objects.filter(market=market_id).order_by("-timestamp")
    last = quotes.values_list("timestamp", flat=True).first()
    watch = AnomalyWatch.objects.filter(market=market_id)
    if last is None:
        watch.delete()
    else:
        watch.filter(scored_until__gt=last).update(scored_until=last, last_score=None)
