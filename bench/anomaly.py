"""The project's detector beside others, under one protocol: planted faults in quotes, and NAB.

python -m bench.anomaly [--protocol FILE] [--quotes FILE] [--nab FOLDER] [--seeds N]

The protocol, the quotes and NAB lie outside the repository; what is not there is skipped, with the
reason. All detectors see the same rows; on NAB the peers' scores go through the project's own
causal step (decades of rarity, one peak per event, fading), so that the detectors compare, not the
steps.
"""

from __future__ import annotations

import argparse
import importlib.util
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from bench.anomaly_nab import nab_figures
from bench.anomaly_peers import peers
from ml.anomaly.scoring import score_series

_SHARED = Path(__file__).resolve().parents[2] / "shared"
_NAMES = {"bid_price": "bid", "ask_price": "ask"}
#: Scores of a (quotes, features, rows to learn) -> (rows,) score, (rows,) alarm or None.
Detector = Callable[[pd.DataFrame, np.ndarray, int], tuple[np.ndarray, np.ndarray | None]]


def load_protocol(path: Path) -> SimpleNamespace | str:
    """The judge's functions, or why there are none."""
    if not path.is_file():
        return f"there is no protocol at {path}"
    if importlib.util.find_spec("sklearn") is None:
        return "the protocol needs scikit-learn (requirements-bench.txt)"
    return SimpleNamespace(**runpy.run_path(str(path)))


def ours(quotes: pd.DataFrame, table: np.ndarray, learn: int) -> tuple[np.ndarray, np.ndarray]:
    """The project's own detector: (rows,) score and alarm."""
    rows = quotes.rename(columns=_NAMES).set_index("timestamp").select_dtypes("number")
    scores = score_series(rows, train_until=rows.index[learn])
    return scores.score, scores.alarm


def inject_figures(
    protocol: SimpleNamespace, base: pd.DataFrame, seed: int, detector: Detector
) -> dict[str, float]:
    """The protocol's figures on the second half of one planted copy."""
    planted = protocol.inject(base, seed)
    table = protocol.causal_features(planted, domain=True).to_numpy()
    half = len(planted) // 2
    started = time.process_time()
    quotes = planted.drop(columns=["label", "kind", "event"])
    score, alarm = detector(quotes, table, half)
    spent = time.process_time() - started
    test = planted.iloc[half:]
    label = test["label"].to_numpy()
    found = protocol.evaluate(score[half:], label, test["timestamp"], test["kind"].to_numpy())
    figures = {
        "VUS-PR": found["vus_pr"],
        "AUC-PR": found["auc_pr"],
        "R/wk": found["recall_1_per_week"],
        "R/day": found["recall_1_per_day"],
        "CPU s": spent,
    }
    if alarm is not None:
        weeks = (test["timestamp"].iloc[-1] - test["timestamp"].iloc[0]).total_seconds() / 604800
        kept = protocol.realised_rate(alarm[half:], label, weeks)
        figures["false/wk"] = kept["false_alarms_per_week"]
        figures["recall"] = kept["event_recall"]
    return figures


def main() -> None:
    """Print the figures of every detector that is here."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--protocol", type=Path, default=_SHARED / "bench/anomaly_protocol.py")
    parser.add_argument("--quotes", type=Path, default=_SHARED / "data/usdt_bob_binance_p2p.csv.gz")
    parser.add_argument("--nab", type=Path, default=_SHARED / "data/nab")
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="Planted copies.")
    options = parser.parse_args()
    protocol = load_protocol(options.protocol)
    if isinstance(protocol, str):
        _say(f"skipped: {protocol}")
        return
    _say(pd.DataFrame(_lines(protocol, options)).to_string(index=False, float_format=_shown))


def _lines(protocol: SimpleNamespace, options: argparse.Namespace) -> list[dict[str, Any]]:
    base = None
    if options.quotes.is_file():
        base = protocol.clean_quotes(protocol.load_quotes(options.quotes))
    else:
        _say(f"planted faults skipped: there are no quotes at {options.quotes}")
    if not options.nab.is_dir():
        _say(f"NAB skipped: there is no folder {options.nab}")
    lines = []
    for name, peer in ({"paralelo": None} | peers()).items():
        line: dict[str, Any] = {"detector": name}
        if isinstance(peer, str):
            _say(f"{name} skipped: {peer}")
            continue
        detector: Detector = ours if peer is None else _detector(peer)
        if base is not None:
            figures = [inject_figures(protocol, base, s, detector) for s in range(options.seeds)]
            line |= pd.DataFrame(figures).mean().to_dict()
        if options.nab.is_dir():
            line |= nab_figures(protocol, options.nab, peer)
        _say(f"{name}: {', '.join(f'{k} {_shown(v)}' for k, v in line.items() if k != 'detector')}")
        lines.append(line)
    return lines


def _detector(peer: Callable[[np.ndarray, int], np.ndarray]) -> Detector:
    return lambda quotes, table, learn: (peer(table, learn), None)


def _shown(value: float) -> str:
    return f"{value:.3f}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
