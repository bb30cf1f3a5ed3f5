"""What `ml` learns and answers on one series: every family, its artifact and all its answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.golden.plain import plain

#: Sizes that train in a second or two; their figures are as exact as those of larger ones.
SMALL: dict[str, dict[str, Any]] = {
    "lstm": {"epochs": 2, "hidden": 8, "width": 16, "members": 2},
    "gru": {"epochs": 2, "hidden": 8, "width": 16, "members": 1},
    "autoencoder": {"epochs": 2, "channels": 8, "latent": 4, "members": 1},
    "cnn": {"epochs": 2, "channels": 8, "steps": 10, "folds": 2},
}
#: The sizes that the families have by themselves.
USUAL: dict[str, dict[str, Any]] = {
    "lstm": {"epochs": 1},
    "gru": {"epochs": 2, "members": 1},
    "autoencoder": {"epochs": 2},
    "cnn": {"epochs": 2},
}
_HISTORY = 12


class Training:
    """One family on one series; `facts` is all that the training itself left behind."""

    def __init__(
        self,
        family: str,
        quotes: pd.DataFrame,
        folder: Path,
        params: dict[str, Any],
        **options: Any,
    ) -> None:
        import ml

        told: list[Any] = []
        trainer = ml.DLModelTrainer(
            folder, device="cpu", on_progress=lambda step: told.append(step) is None, **options
        )
        self.family, self.quotes = family, quotes
        self.report = trainer.train(family, quotes, **params)
        self.predictor = ml.DLPredictor.load(self.report.folder, checksum=self.report.checksum)
        self.facts = {
            "report": plain(self.report),
            "progress": plain(told),
            "manifest": plain(ml.read_manifest(self.report.folder)),
            "tensors": tensors_of(self.report.folder),
            "files": sorted(path.name for path in self.report.folder.iterdir()),
        }

    def answers(self) -> dict[str, Any]:
        ask: dict[str, Callable[[Training], dict[str, Any]]] = {
            "price": forecasts,
            "spread": forecasts,
            "anomaly": anomalies,
            "pattern": patterns,
        }
        return {"evaluated": evaluated(self), **ask[str(self.predictor.task)](self)}


def tensors_of(folder: Path) -> dict[str, Any]:
    """Shape, type, digest and sum of every tensor of an artifact."""
    from safetensors.numpy import load_file

    (path,) = folder.glob("*.safetensors")
    return {
        name: {
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "sha256": plain(np.ascontiguousarray(array).tobytes()),
            "sum": plain(float(array.astype(float).sum())),
        }
        for name, array in sorted(load_file(path).items())
    }


def evaluated(training: Training) -> dict[str, Any]:
    """The task's metrics on the stretch that was kept back, of the network and the baseline."""
    import ml

    last = training.quotes.index[-1].to_pydatetime()
    return {
        str(source): plain(
            training.predictor.evaluate(
                training.quotes, start=training.report.test_from, end=last, source=source
            )
        )
        for source in ml.Source
    }


# -------------------------------------------------------------------------------------- forecasts
def forecasts(training: Training) -> dict[str, Any]:
    """Single answers at moments on and off the grid, behind a gap, and of a market that moved far
    away; many at once; and the refusal of the other task."""
    import ml

    predictor, quotes = training.predictor, training.quotes
    ask = predictor.predict_price if str(predictor.task) == "price" else predictor.predict_spread
    other = predictor.predict_spread if str(predictor.task) == "price" else predictor.predict_price
    days = [0, 1, 2, 5, 11, 20]
    moments = [quotes.index[-1] - pd.Timedelta(days=n, minutes=7 * n) for n in days]
    step = f"{training.report.step_minutes}min"
    origins = pd.date_range(moments[3].floor(step), moments[0].floor(step), freq=step)[::5]
    found: dict[str, Any] = {"latest": ask(quotes), "late": ask(quotes, at=late(quotes, hours=2))}
    found |= {"far_too_late": ask(quotes, at=late(quotes, hours=30))}
    for source in ml.Source:
        found[f"{source}_single"] = [ask(quotes, at=at, source=source) for at in moments]
        batch = predictor.forecast_batch(quotes, origins, source=source)
        found[f"{source}_batch"] = {"origins": batch.origins, "answer": batch.answer}
    short = quotes.iloc[-2 * training.report.window :]
    found["from_a_window"] = ask(short)
    far = quotes.copy()
    prices = [c for c in far if not c.endswith(("volume", "offers"))]
    far.loc[far.index[-60:], prices] *= np.linspace(1, 1.6, 60)[:, None]
    found["far_away"] = ask(far)
    found["refused"] = refusal(lambda: other(quotes))
    return plain(found)


def late(quotes: pd.DataFrame, *, hours: int) -> dt.datetime:
    return (quotes.index[-1] + pd.Timedelta(hours=hours)).to_pydatetime()


def refusal(ask: Callable[[], Any]) -> dict[str, Any]:
    """What an error of `ml` says; an answer where none was raised."""
    import ml

    try:
        return {"answered": plain(ask())}
    except ml.MLError as error:
        said = {"error": type(error).__name__, "code": error.code, "message": str(error)}
        more = {name: getattr(error, name, None) for name in ("fields", "needed", "present")}
        return plain({**said, **more})


# -------------------------------------------------------------------------------------- anomalies
_RATES = (0.05, 0.25, 1.0, 3.5, 7.0, 35.0)


def anomalies(training: Training) -> dict[str, Any]:
    """Scores of every row by network and baseline, strange rows with their words, thresholds of
    alarm rates, and the same scores row by row."""
    import ml

    predictor, quotes = training.predictor, training.quotes
    scan, day = predictor.detect_anomalies, pd.Timedelta(days=1)
    recent = quotes.iloc[-1200:]
    start, end = quotes.index[-1] - 6 * day, quotes.index[-1] - day
    found: dict[str, Any] = {}
    for source in ml.Source:
        found[str(source)] = scan(quotes, threshold=0.05, source=source)
        found[f"{source}_thresholds"] = {
            rate: predictor.alarm_threshold(rate, source=source) for rate in _RATES
        }
    found["span"] = scan(recent, start=start, end=end)
    found["last"] = scan(recent, mode="last")
    found["rates"] = {
        text: _counts(scan(recent, alarm_rate=text)) for text in ("1/week", "2/day", "1/month")
    }
    found["sensitivities"] = {n: _counts(scan(recent, sensitivity=n)) for n in (0, 50, 99)}
    found["few_rows"] = refusal(lambda: scan(quotes.iloc[:20]))
    found["both"] = refusal(lambda: scan(quotes, alarm_rate="1/day", sensitivity=5))
    return {**plain(found), "stream": stream(training)}


def _counts(scores: Any) -> dict[str, Any]:
    return {"threshold": scores.threshold, "strange": [a.timestamp for a in scores.anomalies]}


def stream(training: Training) -> dict[str, Any]:
    """From the middle on row by row; once more from a state in between; once from nothing."""
    predictor, quotes = training.predictor, training.quotes
    middle, half = len(quotes) - 900, len(quotes) - 450
    running = predictor.anomaly_stream(after=quotes.iloc[:middle])
    rows = quotes.iloc[middle:half].to_dict("index")
    verdicts = [running.feed(at, row) for at, row in rows.items()]
    state = running.pack()
    fresh = predictor.anomaly_stream()
    return plain(
        {
            "fed": verdicts,
            "state": state,
            "continued": predictor.anomaly_stream(state).extend(quotes.iloc[half:]),
            "from_nothing": fresh.extend(quotes.iloc[:300]),
            "too_short": refusal(lambda: predictor.anomaly_stream(after=quotes.iloc[:20]).pack()),
        }
    )


# --------------------------------------------------------------------------------------- patterns
def patterns(training: Training) -> dict[str, Any]:
    """Names, distributions, held names and similar moments, at some moments and before them."""
    import ml

    predictor, quotes = training.predictor, training.quotes
    moments = [quotes.index[-1] - pd.Timedelta(days=n, minutes=11 * n) for n in (0, 1, 3, 8, 15)]
    found: dict[str, Any] = {
        str(source): [
            predictor.recognize_patterns(quotes, at=at, history=_HISTORY, source=source)
            for at in moments
        ]
        for source in ml.Source
    }
    found["from_a_window"] = refusal(
        lambda: predictor.recognize_patterns(quotes.iloc[-2 * training.report.window :])
    )
    found["few_rows"] = refusal(lambda: predictor.recognize_patterns(quotes.iloc[-20:]))
    return plain(found)
