"""What a market's quotes are like before anybody trains on them (compare Nixtla's `audit_data`).

Everything is measured on the quotes as they came and on the grid that the models see; nothing is
cleaned. Shares are 0 to 1, gaps in minutes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.cadence import infer_step_minutes
from ml.grid import build_grid, check_quotes
from ml.quotes import SIDES
from ml.redenomination import find_redenominations
from ml.tasks import TASKS

#: A move between neighbouring grid rows beyond so many robust sigmas counts as a jump.
JUMP_SIGMAS = 8.0
_ROBUST = 1.4826
#: A move of the logarithm that is rounding.
_SAME = 1e-11


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`level` is note, warning or error; `code` is stable, `text` is for people."""

    level: str
    code: str
    text: str


@dataclass(frozen=True, kw_only=True)
class DataAudit:
    """What `audit_quotes` finds. Gaps between quotes in minutes."""

    rows: int
    grid_rows: int
    step_minutes: int
    inferred_step_minutes: int
    data_from: dt.datetime
    data_until: dt.datetime
    columns: tuple[str, ...]
    gap_median: float
    gap_p95: float
    gap_longest: float
    missing_share: float  # grid rows without a price that is fresh enough
    fresh_share: float  # grid rows with a quote of their own step
    one_sided_share: float | None  # quotes with one side only; None without sides
    crossed_share: float | None  # two-sided quotes with bid above ask
    jump_share: float  # grid moves beyond JUMP_SIGMAS robust sigmas
    stuck_longest: float  # longest stretch of an unchanged price, minutes
    season_price: float  # share of the variance of |move| that the hour of the day explains
    season_spread: float | None  # the same for the spread
    enough: dict[str, bool]  # per task: enough grid rows to train
    findings: tuple[Finding, ...]


def audit_quotes(quotes: pd.DataFrame, *, step_minutes: int | None = None) -> DataAudit:
    """Measure a quotes frame (see ml.spec); raises BadQuotes for a frame no model could use."""
    quotes = check_quotes(quotes)
    inferred = infer_step_minutes(quotes.index)
    step = step_minutes or inferred
    grid = build_grid(quotes, step_minutes=step)
    gaps = np.diff(quotes.index.as_unit("ns").asi8) / 6e10 if len(quotes) > 1 else np.zeros(1)
    one_sided, crossed = _sides(quotes)
    known = grid["mid"].notna()
    moves = np.log(grid["mid"].where(grid["mid"] > 0)).diff()
    facts = {
        "rows": len(quotes),
        "grid_rows": len(grid),
        "step_minutes": step,
        "inferred_step_minutes": inferred,
        "data_from": quotes.index[0].to_pydatetime(),
        "data_until": quotes.index[-1].to_pydatetime(),
        "columns": tuple(quotes.columns),
        "gap_median": float(np.median(gaps)),
        "gap_p95": float(np.quantile(gaps, 0.95)),
        "gap_longest": float(gaps.max()),
        "missing_share": _share(~known),
        "fresh_share": _share(grid["age"] < step),
        "one_sided_share": one_sided,
        "crossed_share": crossed,
        "jump_share": _jumps(moves),
        "stuck_longest": _longest_stuck(moves, known) * step,
        "season_price": _season(moves.abs(), step),
        "season_spread": _season(grid["spread_pct"], step) if "spread_pct" in grid else None,
        "enough": {str(t): int(known.sum()) >= spec.min_grid_rows for t, spec in TASKS.items()},
    }
    return DataAudit(**facts, findings=(*_broken_units(quotes), *_findings(facts)))


def _share(mask: pd.Series) -> float:
    return float(mask.mean()) if len(mask) else 0.0


def _sides(quotes: pd.DataFrame) -> tuple[float | None, float | None]:
    if not set(SIDES) <= set(quotes.columns):
        return None, None
    bid, ask = quotes["bid"], quotes["ask"]
    both = bid.notna() & ask.notna()
    return _share(bid.notna() ^ ask.notna()), _share((bid > ask)[both])


def _jumps(moves: pd.Series) -> float:
    values = moves.dropna().to_numpy()
    moved = values[np.abs(values) > _SAME]
    if len(moved) < 20:
        return 0.0
    sigma = _ROBUST * np.median(np.abs(moved - np.median(moved)))
    return float((np.abs(values) > JUMP_SIGMAS * sigma).mean()) if sigma > 0 else 0.0


def _longest_stuck(moves: pd.Series, known: pd.Series) -> int:
    """Rows of the longest run of one unchanged, known price; `moves` are those of its logarithm."""
    change = ~(moves.abs() <= _SAME) | ~known
    runs = known.groupby(change.cumsum()).sum()
    return int(runs.max()) if len(runs) else 0


def _season(values: pd.Series, step_minutes: int) -> float:
    """R squared of the hour-of-day means of the ranks within the trailing week, so that neither a
    changing level nor absurd quotes drown the season; 0 where the grid is coarser than half a day.
    """
    known = values.dropna()
    if step_minutes > 720 or len(known) < 200:
        return 0.0
    known = (
        known.rolling(max(7 * 24 * 60 // step_minutes, 24), min_periods=24).rank(pct=True).dropna()
    )
    total = float(known.var(ddof=0))
    if total <= 0:
        return 0.0
    fitted = known.groupby(known.index.hour).transform("mean")
    return float(fitted.var(ddof=0) / total)


def _broken_units(quotes: pd.DataFrame) -> list[Finding]:
    text = "; a training rescales what lies before"
    return [
        Finding(level="warning", code="redenomination", text=one.text + text)
        for one in find_redenominations(quotes)
    ]


def _findings(facts: dict[str, Any]) -> list[Finding]:
    """What a person should know, worst first."""
    found: list[Finding] = []

    def say(level: str, code: str, text: str) -> None:
        found.append(Finding(level=level, code=code, text=text))

    short = [task for task, enough in facts["enough"].items() if not enough]
    if short:
        say("error", "too_short", f"too little history to train: {', '.join(short)}")
    if facts["missing_share"] > 0.2:
        say("warning", "gaps", f"{facts['missing_share']:.0%} of the grid has no fresh price")
    if facts["fresh_share"] < 0.5:
        say(
            "warning",
            "sparse",
            f"only {facts['fresh_share']:.0%} of the grid rows have a new quote",
        )
    if facts["step_minutes"] != facts["inferred_step_minutes"]:
        say(
            "note",
            "cadence",
            f"the grid's step is {facts['step_minutes']} minutes, "
            f"the quotes suggest {facts['inferred_step_minutes']}",
        )
    for code, share, words in (
        ("crossed", facts["crossed_share"], "of the quotes are crossed (bid above ask)"),
        ("one_sided", facts["one_sided_share"], "of the quotes have one side only"),
        ("jumps", facts["jump_share"], f"of the moves are beyond {JUMP_SIGMAS:g} robust sigmas"),
    ):
        if share is not None and share > 0.05:
            say("warning", code, f"{share:.0%} {words}")
    if facts["stuck_longest"] > 24 * 60:
        say(
            "warning", "stuck", f"the price stood still for {facts['stuck_longest'] / 60:.0f} hours"
        )
    season = facts["season_spread"]
    if season is not None and season > 0.05:
        say("note", "season", f"the hour of the day explains {season:.0%} of the spread's variance")
    return found


def dataset_hash(quotes: pd.DataFrame, others: Mapping[str, pd.DataFrame] | None = None) -> str:
    """SHA-256 over columns, times and values: the same rows give the same hash anywhere. Of quotes
    that are learned from together with those of `others`, over the names and hashes of these
    too."""
    digest = hashlib.sha256("|".join(quotes.columns).encode())
    digest.update(quotes.index.as_unit("ns").asi8.astype("<i8").tobytes())
    digest.update(np.ascontiguousarray(quotes.to_numpy(dtype="<f8")).tobytes())
    for name, theirs in (others or {}).items():
        digest.update(f"|{name}|{dataset_hash(theirs)}".encode())
    return digest.hexdigest()
