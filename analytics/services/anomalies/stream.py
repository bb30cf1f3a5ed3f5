"""A look at new quotes in constant time: the detector's stream goes on from where it stood.

What the stream remembers lies in the database, with a digest of the quotes that it was made from.
A quote that came late or was corrected changes the digest, and the stream is made anew from the
tail of history; so it is for a version that takes over.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd
from django.db.models import BigIntegerField, BooleanField, ExpressionWrapper, F, Q, Sum
from django.db.models.functions import Coalesce

import ml
from analytics.models import AnomalyStream, Market, PriceHistory
from analytics.models.choices import Source
from analytics.selectors.models import Serving
from analytics.selectors.prices import price_frame
from analytics.services.prices.history import tail_start

#: More new rows than this are scored faster all at once.
MOST_ROWS = 96
#: Steps after which a stream is made anew, so that the quotes under its digest stay few.
RENEW_STEPS = 500
#: A stream's score and a scan's may differ by this much.
TOLERANCE = 1e-6
#: The least time between two quotes.
INSTANT = dt.timedelta(microseconds=1)
# Figures as whole numbers of their smallest unit modulo a prime: sums of them are exact, and those
# of a row weigh by their column and by the row, so that figures that changed places are noticed.
_UNIT, _PRIME, _WEIGHTS = 10**10, 1_000_003, 1009


@dataclass(frozen=True)
class Look:
    """Scores of the new rows, none of them in words yet, and where the stream stands after them."""

    scores: ml.AnomalyScores
    stands: AnomalyStream

    @property
    def strange(self) -> bool:
        """Whether a row has to be put into words, which needs a scan."""
        return bool((self.scores.scores >= self.scores.threshold - TOLERANCE).any())


def stream_look(
    market: Market,
    serving: Serving,
    predictor: ml.DLPredictor,
    *,
    since: dt.datetime,
    last: dt.datetime,
    threshold: float,
) -> Look | None:
    """Scores of the rows from `since` to `last`, the last quote. None where a scan has to say it: a
    baseline answers, there is much to catch up with, or too little history."""
    if serving.source != Source.NETWORK:
        return None
    stands = AnomalyStream.objects.filter(market=market, model=serving.model).first()
    if stands is not None and stands.until + INSTANT != since:
        stands = None
    if stands is not None and stands.until == last:
        return Look(_scores(serving, _NOTHING, threshold), stands)
    found = stands and _resume(market, stands, serving, predictor, last)
    found = found or _start(market, serving, predictor, since, last)
    if found is None or len(found[1]) > MOST_ROWS:
        return None
    stream, rows, stands = found
    scores = pd.Series(stream.extend(rows), rows.index, dtype=float)
    stands.body = stream.pack()
    if len(rows):
        stands.until = rows.index[-1].to_pydatetime()
    return Look(_scores(serving, scores, threshold), stands)


def stream_keep(stands: AnomalyStream) -> None:
    """Remember where a stream stands, unless another look has got further. The caller holds the
    market's lock."""
    further = AnomalyStream.objects.filter(
        market=stands.market_id, model=stands.model_id, until__gt=stands.until
    )
    if not further.exists():
        stands.save()


_NOTHING = pd.Series([], pd.DatetimeIndex([], tz="UTC"), dtype=float)


def _scores(serving: Serving, scores: pd.Series, threshold: float) -> ml.AnomalyScores:
    return ml.AnomalyScores(
        timestamps=scores.index,
        scores=scores.to_numpy(),
        threshold=threshold,
        anomalies=(),
        warming_up=False,  # a stream starts after more readings than warming up takes
        source=ml.Source(serving.source),
        name=serving.name,
    )


def _resume(
    market: Market,
    stands: AnomalyStream,
    serving: Serving,
    predictor: ml.DLPredictor,
    last: dt.datetime,
) -> tuple[ml.QuoteStream, pd.DataFrame, AnomalyStream] | None:
    """The stream, the rows after it, and its place; None where it does not fit any more."""
    step = serving.model.step_minutes
    if stands.since < tail_start(last, step) - dt.timedelta(minutes=RENEW_STEPS * step):
        return None
    # Asked before the rows are read: what is written in between is noticed the next time.
    then, now = _digests(market, serving, stands.since, stands.until, last)
    if then != stands.digest:
        return None
    try:
        stream = predictor.anomaly_stream(bytes(stands.body))
    except ml.ArtifactMismatch:  # made by other code
        return None
    stands.digest = now
    return stream, price_frame(market, since=stands.until + INSTANT, until=last), stands


def _start(
    market: Market,
    serving: Serving,
    predictor: ml.DLPredictor,
    since: dt.datetime,
    last: dt.datetime,
) -> tuple[ml.QuoteStream, pd.DataFrame, AnomalyStream] | None:
    """The same from the tail of history; None where that is too short."""
    first = tail_start(since, serving.model.step_minutes)
    digest = _digests(market, serving, first, last, last)[1]
    frame = price_frame(market, since=first, until=last)
    past, rows = frame.loc[: since - INSTANT], frame.loc[since:]
    if past.empty or len(rows) > MOST_ROWS:
        return None
    try:
        stream = predictor.anomaly_stream(after=past)
    except (ml.NotEnoughData, ml.ArtifactMismatch):
        return None
    stands = AnomalyStream(market=market, model=serving.model, since=first, digest=digest)
    stands.until = past.index[-1].to_pydatetime()
    return stream, rows, stands


def _digests(
    market: Market, serving: Serving, since: dt.datetime, until: dt.datetime, last: dt.datetime
) -> tuple[str, str]:
    """Of the figures that the version looks at, from `since` to `until` and to `last`."""
    used = [name for name in ml.QUOTE_COLUMNS if name in serving.model.input_columns]
    known = [Coalesce(F(name), -1, output_field=BigIntegerField()) for name in used]
    row = sum(figure * _UNIT % _PRIME * place for place, figure in enumerate(known, 1))
    row = row * (F("pk") % _WEIGHTS + 1)
    quotes = PriceHistory.objects.filter(
        market=market, timestamp__gte=since, timestamp__lte=last
    ).order_by()
    later = ExpressionWrapper(Q(timestamp__gt=until), BooleanField())
    total = Sum(row, output_field=BigIntegerField())
    parts = quotes.values_list(later).annotate(total=total)
    sums = {bool(is_later): int(found) for is_later, found in parts}
    then = sums.get(False, 0)
    return str(then), str(then + sums.get(True, 0))
