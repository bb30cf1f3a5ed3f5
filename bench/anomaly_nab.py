"""The files of the Numenta Anomaly Benchmark, whole and online, by the protocol's own figures."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd

from bench.anomaly_peers import Peer
from ml.anomaly.alarms import VALUES, event_starts, fade
from ml.anomaly.scoring import score_series
from ml.anomaly.values.rarity import LEVELS, trailing_rarity
from ml.anomaly.values.scoring import WARM_UP


def nab_figures(protocol: SimpleNamespace, root: Path, peer: Peer | None) -> dict[str, float]:
    """Standard profile by `event_score`, VUS-PR by `score`; `peer` None is the project's own."""
    names = json.loads((root / "labels" / "combined_windows.json").read_text())
    files = [root / "data" / name for name in sorted(names)]
    started, spent = time.process_time(), 0.0
    with tempfile.TemporaryDirectory() as work:
        for path in (p for p in files if p.exists()):
            score, event = score_file(path, peer)
            for kind, column in (("score", score), ("event", event)):
                target = Path(work) / kind / path.relative_to(root / "data")
                target.parent.mkdir(parents=True, exist_ok=True)
                pd.DataFrame({"score": column}).to_csv(target, index=False)
        spent = time.process_time() - started
        events = protocol.nab_folder(root, Path(work) / "event")
        scores = protocol.nab_folder(root, Path(work) / "score")
    return {
        "NAB": events["nab_standard"],
        "NAB VUS-PR": scores["vus_pr_mean"],
        "NAB CPU s": spent,
    }


def score_file(path: Path, peer: Peer | None) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) score and event score."""
    raw = pd.read_csv(path)
    rows = raw[["value"]].astype("float64").set_axis(pd.to_datetime(raw["timestamp"]), axis=0)
    if peer is None:
        scores = score_series(rows)
        return scores.score, scores.event_score
    value = rows["value"].ffill().bfill()
    gap = value - value.rolling(96, min_periods=1).median()
    table = np.column_stack([value, gap, value.diff().fillna(0.0)])
    warm = int(len(table) * WARM_UP)
    score = peer(table, warm)
    rare = trailing_rarity(score, *np.quantile(score[:warm], LEVELS))
    rare[:warm] = 0.0
    return fade(rare), event_starts(rare, VALUES)
