"""A look at new quotes in constant time: the detector's stream goes on from where it stood.

What the stream remembers lies in the database, beside the market's count of rewrites at that time.
A quote that came late, was corrected or deleted moves the count, and the stream is made anew from
the tail of history; so it is for a version that takes over.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import ml
from analytics.lazily import pd
from analytics.models import AnomalyStream, Market
from analytics.models.choices import Source
from analytics.models.direct import fetch, rows_where, save_again
from analytics.selectors.frames import price_frame
from analytics.selectors.models import Serving
from analytics.selectors.prices import market_counters
from analytics.selectors.recent import later_quotes
from analytics.services.prices.history import tail_start

#: More new rows than this are scored faster all at once.
MOST_ROWS = 96
#: Steps after which a stream is made anew, from what a scan looks back on by then.
RENEW_STEPS = 500
#: A stream's score and a scan's may differ by this much.
TOLERANCE = 1e-6
#: The least time between two quotes.
INSTANT = dt.timedelta(microseconds=1)


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
    stored = rows_where(
        AnomalyStream, "market_id = %s AND model_id = %s", [market.pk, serving.model.pk]
    )
    stands = stored[0] if stored else None
    if stands is not None and stands.until + INSTANT != since:
        stands = None
    if stands is not None and stands.until == last:
        return Look(_scores(serving, _nothing(), threshold), stands)
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
    if not fetch(_FURTHER, [stands.market_id, stands.model_id, stands.until]):
        save_again(stands)


_FURTHER = (
    f"SELECT 1 FROM {AnomalyStream._meta.db_table} "  # noqa: S608
    "WHERE market_id = %s AND model_id = %s AND until > %s"
)


def _nothing() -> pd.Series:
    return pd.Series([], pd.DatetimeIndex([], tz="UTC"), dtype=float)


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
    if _digest(market) != stands.digest:
        return None
    try:
        stream = predictor.anomaly_stream(bytes(stands.body))
    except ml.ArtifactMismatch:  # made by other code
        return None
    return stream, later_quotes(market, since=stands.until + INSTANT, until=last), stands


def _start(
    market: Market,
    serving: Serving,
    predictor: ml.DLPredictor,
    since: dt.datetime,
    last: dt.datetime,
) -> tuple[ml.QuoteStream, pd.DataFrame, AnomalyStream] | None:
    """The same from the tail of history; None where that is too short."""
    first = tail_start(since, serving.model.step_minutes)
    digest = _digest(market)
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


def _digest(market: Market) -> str:
    """What tells whether anything but later quotes was written since. Asked before rows are read:
    what is written in between is noticed the next time."""
    return f"rewrites {market_counters(market).rewrites}"
