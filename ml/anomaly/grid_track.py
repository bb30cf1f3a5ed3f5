"""Quotes scored by the detector of the regular grid, until a track of their own rows is there.

A row takes the score of the last grid row at or before it, so nothing later than the row is used;
a verdict can come a grid step late.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from ml.anomaly.calibration import PUBLIC_THRESHOLD
from ml.anomaly.pipeline import fit, load
from ml.anomaly.track import Track
from ml.device import get_device
from ml.errors import NotEnoughData
from ml.families.autoencoder import AutoencoderConfig
from ml.grid import infer_step_minutes
from ml.pipeline import FitContext
from ml.registry import get_spec
from ml.spec import Source

_WARM_UP = 0.15


def score_quotes(
    rows: pd.DataFrame,
    *,
    train_until: pd.Timestamp | None,
    alarm_rate: str = "1/week",
    seed: int = 0,
    device: str | None = None,
) -> Track:
    """See ml.anomaly.scoring.score_series. The promise of this detector is always 1/week."""
    index = pd.DatetimeIndex(rows.index)
    index = index.tz_localize("UTC") if index.tz is None else index.tz_convert("UTC")
    table = rows.set_axis(index.as_unit("ns"), axis=0)
    quotes = table.groupby(level=0, sort=True).last().dropna(axis="columns", how="all")
    if train_until is None:
        cut = quotes.index[int(len(quotes) * _WARM_UP)]
    else:
        cut = pd.Timestamp(train_until)
        cut = cut.tz_localize("UTC") if cut.tz is None else cut
    before = quotes.loc[quotes.index < cut]
    if len(before) < 2:
        raise NotEnoughData("Too few rows to learn from.", needed=1000, present=len(before))
    spec, target = get_spec("autoencoder"), get_device(device or "cpu")
    step = infer_step_minutes(before.index)
    config = AutoencoderConfig(seed=seed)
    with tempfile.TemporaryDirectory() as work:
        context = FitContext(device=target, workdir=Path(work), step_minutes=step)
        fitted = fit(spec, config, before, context)
    manifest = {
        "section": fitted.section,
        "family": spec.name,
        "baseline": spec.baseline,
        "step_minutes": step,
        "window": fitted.window,
        "input_columns": fitted.input_columns,
        "config": dataclasses.asdict(config),
    }
    found = load(manifest, fitted.tensors, target).scan(
        quotes, start=None, end=None, threshold=PUBLIC_THRESHOLD, source=Source.NETWORK
    )
    place = found.timestamps.searchsorted(index, side="right") - 1
    score = np.where(place >= 0, np.nan_to_num(found.scores)[np.maximum(place, 0)], 0.0)
    if train_until is None:
        score[np.asarray(index < cut)] = 0.0
    alarm = score >= PUBLIC_THRESHOLD
    kinds = {a.timestamp: a.kind for a in found.anomalies}
    stamps = [found.timestamps[max(p, 0)].to_pydatetime() for p in place]
    kind = tuple(kinds.get(t, "other") if up else "" for t, up in zip(stamps, alarm, strict=True))
    started = alarm & ~np.r_[False, alarm[:-1]]
    return Track(score, np.where(started, score, 0.0), alarm, kind)
