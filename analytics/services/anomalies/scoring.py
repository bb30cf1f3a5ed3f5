"""Score a series file row by row, without the database."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

import ml
from analytics.exceptions import InvalidInput
from analytics.lazily import np, pd
from analytics.services.prices.reading import ReadOptions
from analytics.services.prices.series_files import SeriesFile, read_series_file
from analytics.services.translate import ml_errors

COLUMNS = ("timestamp", "score", "event_score", "alarm", "kind")


@dataclass(frozen=True)
class Scoring:
    """What was written: rows, rows in alarm, events raised."""

    rows: int
    alarms: int
    events: int
    decisions: tuple[str, ...] = ()


def series_score(
    *,
    path: Path,
    out: Path,
    train_until: dt.datetime | None = None,
    alarm_rate: str = "1/week",
    seed: int = 0,
    reading: ReadOptions | None = None,
    on_progress: Callable[[ml.Progress], bool] = lambda progress: True,
) -> Scoring:
    """Write one row per row of the file, in its order; the target appears at once or not at all.
    `reading` says how the file is to be read where it leaves that open."""
    _refuse_target(out)
    series = read_series_file(path, reading)
    cut = None if train_until is None else _cut(series, pd.Timestamp(train_until))
    with ml_errors():
        scores = ml.score_series(
            series.rows,
            train_until=cut,
            alarm_rate=alarm_rate,
            seed=seed,
            on_progress=on_progress,
        )
    table = pd.DataFrame(
        {
            "timestamp": series.timestamps.to_numpy(),
            "score": scores.score,
            "event_score": scores.event_score,
            "alarm": scores.alarm.astype(int),
            "kind": scores.kind,
        },
        columns=list(COLUMNS),
    )
    _write(table, out)
    starts = scores.alarm & ~np.r_[False, scores.alarm[:-1]]
    return Scoring(
        len(table), int(scores.alarm.sum()), int(starts.sum()), decisions=series.decisions
    )


def _cut(series: SeriesFile, cut: pd.Timestamp) -> pd.Timestamp:
    """The time itself, if there are rows before it to learn from."""
    if (series.rows.index < cut).any():
        return cut
    raise InvalidInput(
        _("No row lies before %(time)s; the first is of %(first)s.")
        % {"time": cut.isoformat(), "first": series.timestamps.iloc[0]},
        "no_rows_to_learn_from",
        {"train_until": _("give a time after some rows, or leave it out to score online")},
    )


def _unwritable(out: Path, why: object) -> InvalidInput:
    return InvalidInput(
        _("%(path)s cannot be written: %(why)s.") % {"path": out, "why": why},
        "bad_out",
        {"out": _("give a file in a folder that exists and may be written to")},
    )


def _refuse_target(out: Path) -> None:
    """Before the work, not after it."""
    if out.is_dir():
        raise _unwritable(out, _("it is a folder"))
    if not out.parent.is_dir():
        raise _unwritable(out, _("its folder does not exist"))
    if not os.access(out.parent, os.W_OK):
        raise _unwritable(out, _("no permission"))


def _write(table: pd.DataFrame, out: Path) -> None:
    staged: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
        staged = Path(name)
        os.fchmod(handle, 0o644)
        with os.fdopen(handle, "wb") as stream:
            body = table.to_csv(index=False, lineterminator="\n").encode()
            # No name and no time inside: the same scores are the same bytes.
            stream.write(gzip.compress(body, mtime=0) if out.suffix == ".gz" else body)
        os.replace(staged, out)
    except OSError as error:
        raise _unwritable(out, error.strerror or error) from error
    finally:
        if staged is not None:
            staged.unlink(missing_ok=True)
