"""What `ml` answers without a model of one's own: grids, audits, backtests, comparisons, series."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.golden.plain import plain
from bench.golden.series import NOW, Series
from bench.golden.trainings import SMALL, Training, refusal


def basics(series: Series, work: Path) -> dict[str, Any]:
    """Families and parameters, constants, grids, audits, the simulator, networks by hand."""
    import ml

    frames = {"bob": series.bob, "sim": series.sim, "candles": series.candles}
    found: dict[str, Any] = {
        "names": dict.fromkeys(ml.__all__, True),
        "specs": [_spec(spec) for spec in ml.list_specs()],
        "by_task": {str(task): ml.get_spec(str(task)).name for task in ml.Task},
        "constants": {"h": ml.HORIZONS, "q": ml.QUANTILES, "columns": ml.QUOTE_COLUMNS},
        "simulated": {"quotes": series.sim, "labels": series.sim_labels},
        "rates": {t: ml.parse_alarm_rate(t) for t in ("1/week", "2/day", "3/month", "1.5/year")},
        "sensitivities": {n: ml.rate_of_sensitivity(n) for n in (0, 10, 50, 68, 99)},
        "networks": _networks(),
        "refused": _refused(series, work),
    }
    for name, frame in frames.items():
        found[name] = {
            "hash": ml.dataset_hash(frame),
            "step": ml.infer_step_minutes(frame.index),
            "audit": ml.audit_quotes(frame),
            "audit_hourly": ml.audit_quotes(frame, step_minutes=60),
            "grid": ml.build_grid(frame.iloc[-1500:], step_minutes=45),
        }
    return plain(found)


def _spec(spec: Any) -> dict[str, Any]:
    """The API's list of families says the rest."""
    import ml

    facts = {name: getattr(spec, name) for name in ("name", "task", "title")}
    return {**facts, "parameters": ml.describe_config(spec.config)}


def _networks() -> dict[str, Any]:
    """The public networks that can be built from plain arguments, on seeded weights and inputs."""
    import torch

    import ml

    torch.manual_seed(3)
    rows = torch.randn(4, 48, 5)
    with torch.no_grad():
        rebuilt = ml.Autoencoder(5, window=16).eval()(rows[:, :16])
        heads = ml.CNNModel(5, {"movement": 3, "agitation": 2}).eval()(rows)
    return {"autoencoder": rebuilt.numpy(), "cnn": {k: v.numpy() for k, v in heads.items()}}


def _refused(series: Series, work: Path) -> dict[str, Any]:
    import ml

    quotes = series.sim
    train = ml.DLModelTrainer(work / "refused", device="cpu").train
    cases = {
        "unknown_family": lambda: ml.get_spec("transformer"),
        "unknown_parameter": lambda: ml.make_config(ml.get_spec("lstm").config, {"epoks": 1}),
        "bad_parameters": lambda: ml.make_config(
            ml.get_spec("cnn").config, {"epochs": 0, "steps": "x", "dropout": 2.0, "seed": True}
        ),
        "bad_rate": lambda: ml.parse_alarm_rate("often"),
        "bad_sensitivity": lambda: ml.rate_of_sensitivity(100),
        "bad_plan": lambda: ml.BacktestPlan(
            task=ml.Task.ANOMALY, start=NOW, end=NOW, origin_step=0
        ),
        "no_columns": lambda: ml.audit_quotes(quotes[["bid_volume"]]),
        "naive_time": lambda: ml.audit_quotes(quotes.tz_localize(None)),
        "unsorted": lambda: ml.audit_quotes(quotes.iloc[::-1]),
        "negative": lambda: ml.audit_quotes(-quotes),
        "no_artifact": lambda: ml.read_manifest(Path("nowhere")),
        "no_rows": lambda: ml.score_series(quotes.iloc[:0]),
        "no_device": lambda: ml.get_device("cuda:99"),
        **{f"short_{name}": _short(train, name, quotes) for name in SMALL},
    }
    return {name: refusal(case) for name, case in cases.items()}


def _short(train: Any, family: str, quotes: pd.DataFrame) -> Any:
    return lambda: train(family, quotes.iloc[:300], **SMALL[family])


# -------------------------------------------------------------------------------------- backtests
def backtests(series: Series, work: Path) -> dict[str, Any]:
    """Price and spread, fitted once and again on the way; a report's figures and files."""
    import ml

    end = series.sim.index[-1].floor("30min").to_pydatetime()
    found: dict[str, Any] = {}
    for task, family, refit in ((ml.Task.PRICE, "lstm", 4), (ml.Task.SPREAD, "gru", None)):
        plan = ml.BacktestPlan(
            task=task,
            start=end - dt.timedelta(days=8),
            end=end,
            origin_step=3,
            refit_every=dt.timedelta(days=refit) if refit else None,
            params={**SMALL[family], "epochs": 1},
        )
        stages: list[tuple[str, float]] = []
        forecasts = ml.run_backtest(
            series.sim,
            plan,
            work / family,
            device="cpu",
            on_progress=lambda step: stages.append((step.stage, step.share)) is None,  # noqa: B023
        )
        ml.report_backtest(
            forecasts, series.sim, plan, work / f"{family}-report", market="golden", words={}
        )
        ml.write_predictions(forecasts, work / f"{family}.csv")
        found[str(task)] = {
            "plan": plan.as_json(),
            "stages": stages,
            "forecasts": forecasts,
            "figures": ml.backtest_figures(forecasts, series.sim, plan),
            "report": sorted(path.name for path in (work / f"{family}-report").iterdir()),
            "csv": (work / f"{family}.csv").read_text().splitlines()[:20],
        }
    return plain(found)


# ------------------------------------------------------------------------------------ comparisons
def comparisons(series: Series, work: Path) -> dict[str, Any]:
    """Two versions of every family on the stretch that neither has seen; and on two grids."""
    import ml

    found: dict[str, Any] = {}
    for family, params in SMALL.items():
        one = Training(family, series.sim, work / "one", {**params, "epochs": 1})
        two = Training(family, series.sim, work / "two", {**params, "epochs": 1, "seed": 11})
        pair = {"start": two.report.test_from, "end": series.sim.index[-1].to_pydatetime()}
        found[family] = ml.compare_models(one.predictor, two.predictor, series.sim, **pair)
        if family == "gru":
            hourly = Training(
                family, series.sim, work / "hourly", {**params, "epochs": 1}, step_minutes=60
            )
            found["other_grid"] = ml.compare_models(
                one.predictor, hourly.predictor, series.sim, **pair
            )
    return plain(found)


# ----------------------------------------------------------------------------------------- series
def scored(series: Series) -> dict[str, Any]:
    """Rows scored without a model: quotes, candles and plain values, online and from a split."""
    import ml

    values, quotes, candles = series.values, series.sim.iloc[:1400], series.candles.iloc[:1100]
    noisy = values.copy()
    noisy.iloc[700:705] = np.nan
    noisy.iloc[900] *= 4
    half = values.index[len(values) // 2]
    found = {
        "quotes": ml.score_series(quotes, seed=1, device="cpu"),
        "quotes_split": ml.score_series(
            quotes, train_until=quotes.index[1100], alarm_rate="1/day", device="cpu"
        ),
        "candles": ml.score_series(candles, device="cpu"),
        "values": ml.score_series(values),
        "values_noisy": ml.score_series(noisy, alarm_rate="2/day"),
        "values_split": ml.score_series(values, train_until=half, alarm_rate="1/month"),
        "bad_rate": refusal(lambda: ml.score_series(values, alarm_rate="often")),
    }
    return plain(found)
