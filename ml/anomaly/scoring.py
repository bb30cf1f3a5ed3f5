"""The front door of scoring a series that nobody has trained a model for: quotes or plain values.

A row is scored from itself and the rows before it. With `train_until` everything is learned from
the rows before that moment; without, the series is scored as it would have been live: a warm-up,
then row by row, with refits on the way that see no later row. Either way of scoring is loaded when
it is needed: plain values go without torch.
"""

from __future__ import annotations

import pandas as pd

from ml.errors import BadQuotes
from ml.results import SeriesScores
from ml.spec import ProgressCallback, ignore_progress

#: The column of plain values, which have no sign, no unit and no market's habits.
VALUE = "value"


def score_series(
    rows: pd.DataFrame,
    *,
    train_until: pd.Timestamp | None = None,
    alarm_rate: str = "1/week",
    seed: int = 0,
    device: str | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> SeriesScores:
    """Scores of every row, in the order in which the rows come.

    `rows`: a DatetimeIndex as recorded (may be naive, doubled, or step back at a change of clocks)
    and float columns: `value`, or those of a quotes frame (ml.spec.QUOTE_COLUMNS). `train_until` is
    of the index's own kind. Raises BadQuotes, BadConfig, NotEnoughData, Cancelled.
    """
    if not len(rows):
        raise BadQuotes("There is no row to score.", {"rows": "there is none"})
    if VALUE in rows.columns:
        from ml.anomaly.values.scoring import score_values

        # No network and no chance in it: neither a device nor a seed.
        return score_values(
            rows, train_until=train_until, alarm_rate=alarm_rate, on_progress=on_progress
        )
    from ml.anomaly.quote_scoring import score_quotes

    return score_quotes(
        rows,
        train_until=train_until,
        alarm_rate=alarm_rate,
        seed=seed,
        device=device,
        on_progress=on_progress,
    )
