"""Networks for peer-to-peer markets. This is the only door: names resolve on first use, so that
importing `ml` (and with it starting Django) never loads torch."""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "ml.anomaly.calibration": ("parse_alarm_rate", "rate_of_sensitivity"),
    "ml.anomaly.scoring": ("score_series",),
    "ml.anomaly.stream": ("QuoteStream",),
    "ml.artifact": ("read_manifest",),
    "ml.evaluation.backtest": ("markets_learned_from", "run_backtest"),
    "ml.evaluation.plan": ("BacktestPlan", "BacktestProgress", "write_predictions"),
    "ml.evaluation.charts": ("ChartWords",),
    "ml.evaluation.report": ("report_backtest",),
    "ml.evaluation.paired": ("compare_backtests",),
    "ml.evaluation.scores": ("backtest_figures", "backtest_skill"),
    "ml.evaluation.search": ("Search", "default_searches", "parse_search"),
    "ml.audit": ("DataAudit", "audit_quotes", "dataset_hash"),
    "ml.device": (
        "get_device",
        "get_gpu_info",
        "optimize_model_for_inference",
        "print_gpu_status",
        "set_threads",
        "to_device",
    ),
    "ml.evaluation.drift": ("InputDrift", "measure_drift"),
    "ml.graph": ("active_paths",),
    "ml.errors": (
        "ArtifactBroken",
        "ArtifactMismatch",
        "BadConfig",
        "BadQuotes",
        "Cancelled",
        "DeviceUnavailable",
        "MLError",
        "NotEnoughData",
        "TrainingDiverged",
        "UnknownFamily",
    ),
    "ml.networks.autoencoder": ("Autoencoder",),
    "ml.networks.cnn": ("CNNModel",),
    "ml.networks.gru": ("GRUModel",),
    "ml.networks.lstm": ("LSTMModel",),
    "ml.baselines": ("baseline_predictor",),
    "ml.cadence": ("cadence_minutes", "infer_step_minutes"),
    "ml.grid": ("QuoteArrays", "build_grid", "grid_at"),
    "ml.predictor": ("DLPredictor",),
    "ml.quotes": (
        "PRICE_COLUMNS",
        "QUOTE_COLUMNS",
        "QUOTE_SCHEMA",
        "SIDES",
        "QuoteColumn",
        "fillable_rows",
        "staleness_limit",
    ),
    "ml.registry": ("get_spec", "list_specs", "registered"),
    "ml.results": (
        "PUBLIC_THRESHOLD",
        "Analogue",
        "Analogues",
        "Anomaly",
        "AnomalyScores",
        "Forecast",
        "Held",
        "Pattern",
        "Patterns",
        "Phrase",
        "SeriesScores",
    ),
    "ml.evaluation.compare": ("compare_models",),
    "ml.evaluation.significance": ("SignificanceTest",),
    "ml.simulate": ("SimulatedMarket", "simulate_quotes"),
    "ml.spec": (
        "LabelledSpan",
        "OtherMarket",
        "Progress",
        "Source",
        "TrainReport",
        "describe_config",
        "make_config",
    ),
    "ml.tasks": ("HORIZONS", "QUANTILES", "TASKS", "Task"),
    "ml.trainer": ("DLModelTrainer",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'ml' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
