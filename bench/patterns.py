"""The recogniser beside the rule, the rule tuned on the past, and LightGBM on one market.

    python -m bench.patterns QUOTES.csv.gz --window 2025-10-01..2026-01-01

Everything learns from the rows before the window and names every half-hour in it; the network is
asked through `DLPredictor`, as a user asks it. Macro-F1 with intervals of a circular block
bootstrap over days; differences to the network on the same draws.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from bench.common import read_quotes, say
from bench.pattern_peers import EMBARGO, lightgbm_probabilities, rule, tuned_rule
from ml.grid import build_grid, check_quotes
from ml.pattern.features import usable_rows
from ml.pattern.labels import CLASSES, make_labels
from ml.pattern.measure import calibration_error, flicker, lags, macro_f1
from ml.pattern.naming import LABELS, name_labels
from ml.pattern.proof import METRICS as GAIN
from ml.predictor import DLPredictor
from ml.results import Pattern
from ml.spec import DEFAULT_STEP_MINUTES
from ml.stats import BLOCK_DAYS, block_draws
from ml.trainer import DLModelTrainer

COLUMNS = ("bid", "ask", "price", "bid_volume", "ask_volume")
_DRAWS = 500
_WINDOW = 48
#: The name is wanted to be right in at least 80 % of the rows whose probability is above this.
_SURE = 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--window", required=True, metavar="A..B", help="UTC, B excluded")
    parser.add_argument("--step", type=int, default=DEFAULT_STEP_MINUTES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    start, end = (pd.Timestamp(text).tz_localize("UTC") for text in options.window.split(".."))
    quotes = check_quotes(read_quotes([options.data], COLUMNS))
    quotes = quotes.loc[: end - pd.Timedelta("1s")]
    grid = build_grid(quotes, step_minutes=options.step)
    truth, rows = make_labels(grid, centred=True), np.arange(len(grid))
    usable = usable_rows(grid, _WINDOW, options.step)
    border = int(grid.index.searchsorted(start))
    learn, test = usable & (rows < border - EMBARGO), usable & (rows >= border)
    with tempfile.TemporaryDirectory() as work:
        patterns = _recognised(quotes, start, int(np.sum(rows >= border)), work, options)
    at = grid.index.get_indexer(pd.DatetimeIndex([p.as_of for p in patterns]))
    soft, held = _spread(patterns, at, truth, len(grid))
    trees = lightgbm_probabilities(grid, truth, learn, threads=options.threads)
    named = {
        "rule": rule(grid),
        "tuned rule": tuned_rule(grid, truth, learn),
        "lightgbm": {h: t.argmax(1) for h, t in trees.items()},
        "network": {h: t.argmax(1) for h, t in soft.items()},
        "held": held,
    }
    for head, labels in truth.items():
        known = test & (labels >= 0)
        say(_table(head, labels, known, named, {"lightgbm": trees, "network": soft}, grid.index))
    say(_sure(patterns, at, truth, test))


def _recognised(
    quotes: pd.DataFrame, start: pd.Timestamp, rows: int, work: str, options: argparse.Namespace
) -> list[Pattern]:
    """The served answers of the window's rows by a network that learned from all before it."""
    before = quotes.loc[: start - pd.Timedelta("1s")]
    wall, cpu = time.perf_counter(), time.process_time()
    trainer = DLModelTrainer(work, device="cpu", step_minutes=options.step, hold_out=False)
    report = trainer.train_pattern_recognizer(before, seed=options.seed)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    say(f"network fitted in {spent[0]:.0f} s, {spent[1]:.0f} CPU s")
    predictor = DLPredictor.load(report.folder, checksum=report.checksum)
    answer = predictor.recognize_patterns(quotes, history=rows - 1)
    figures = predictor.evaluate(quotes, start=start.to_pydatetime(), end=quotes.index[-1])
    gain = [figures[name] for name in GAIN]
    if None not in gain:
        say("analogues: CRPS against the same regime {:+.3f} ({:+.3f} .. {:+.3f})".format(*gain))
    return [*answer.history, answer.current]


def _spread(
    patterns: list[Pattern], at: np.ndarray, truth: dict[str, np.ndarray], rows: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Head -> (rows, classes) probabilities and (rows,) held names, on the grid."""
    soft = {h: np.full((rows, len(CLASSES[h])), 1 / len(CLASSES[h])) for h in truth}
    held = {h: np.zeros(rows, dtype=int) for h in truth}
    for row, pattern in zip(at, patterns, strict=True):
        for head in truth:
            soft[head][row] = list(pattern.heads[head].values())
            held[head][row] = CLASSES[head].index(pattern.held[head].name)
    return soft, held


def _table(
    head: str,
    labels: np.ndarray,
    known: np.ndarray,
    named: dict[str, dict[str, np.ndarray]],
    soft: dict[str, dict[str, np.ndarray]],
    index: pd.DatetimeIndex,
) -> str:
    """One head: macro-F1, the network's lead, calibration, lag and flicker of every contestant."""
    hours = (index[1] - index[0]).total_seconds() / 3600
    draw = _draws(index[known])
    count = len(CLASSES[head])

    def f1(names: np.ndarray) -> Callable[[np.ndarray], float]:
        return lambda rows: macro_f1(labels[known][rows], names[known][rows], count)

    own = f1(named["network"][head])
    lines = []
    for name, answers in named.items():
        score = f1(answers[head])
        gaps = [own(rows) - score(rows) for rows in draw]
        low, high = np.quantile(gaps, [0.025, 0.975])
        late = lags(labels, answers[head], known)
        whole = np.arange(int(known.sum()))
        table = soft[name][head][known] if name in soft else None
        lines.append(
            {
                head: name,
                "macro-F1": score(whole),
                "network leads by": own(whole) - score(whole),
                "95 %": f"{low:+.3f} .. {high:+.3f}",
                "ECE": np.nan if table is None else calibration_error(labels[known], table),
                "lag h": np.median(late) * hours if len(late) else np.nan,
                "unnoticed": np.mean(~np.isfinite(late)) if len(late) else np.nan,
                "changes/day": flicker(answers[head], known),
            }
        )
    return pd.DataFrame(lines).to_string(index=False, float_format=lambda x: f"{x:.3f}")


def _draws(moments: pd.DatetimeIndex) -> list[np.ndarray]:
    """Row numbers of the bootstrap's draws: blocks of whole days, the calendar closed to a ring."""
    days = np.unique(moments.floor("D"))
    places = np.searchsorted(days, moments.floor("D"))
    by_day = np.split(np.arange(len(moments)), np.flatnonzero(np.diff(places)) + 1)
    drawn = block_draws(
        len(days),
        block=min(BLOCK_DAYS, len(days)),
        draws=_DRAWS,
        rng=np.random.default_rng(0),
    )
    return [np.concatenate([by_day[day] for day in picked]) for picked in drawn]


def _sure(
    patterns: list[Pattern], at: np.ndarray, truth: dict[str, np.ndarray], test: np.ndarray
) -> str:
    """How often the composed name is right, by its probability."""
    true = name_labels(truth)[at]
    known = (true >= 0) & test[at]
    right = np.array([LABELS.index(p.label) for p in patterns]) == true
    sure = np.array([p.probability for p in patterns])
    clear = np.array([p.clear for p in patterns])
    lines = []
    for name, rows in (
        ("all", known),
        ("clear", known & clear),
        (f"probability above {_SURE}", known & (sure > _SURE)),
    ):
        share = rows.sum() / max(known.sum(), 1)
        lines.append(f"{name}: {share:.0%} of the rows, right in {right[rows].mean():.1%}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
