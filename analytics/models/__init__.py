"""The ORM, one file per aggregate: fields, constraints, status changes. No verbs live here."""

from analytics.models.alerts import (
    AlertChannel,
    AlertDelivery,
    AlertRule,
    AlertState,
    QuoteFlow,
)
from analytics.models.anomaly import (
    AnomalyEvent,
    AnomalyResult,
    AnomalyStream,
    AnomalyWatch,
    Severity,
)
from analytics.models.backtest import BacktestRun
from analytics.models.collection import (
    CollectionFailure,
    MarketSource,
    StoredBook,
    VenueStatus,
)
from analytics.models.deletion import PriceDeletion
from analytics.models.forecast import Forecast
from analytics.models.importing import ImportRun
from analytics.models.market import Market, PriceHistory
from analytics.models.preference import Preferences, Theme
from analytics.models.result import PatternResult
from analytics.models.score import ForecastScore
from analytics.models.training import ModelEvent, TrainedModel, TrainingRun
from analytics.models.worker import WorkerHeartbeat

__all__ = [
    "AlertChannel",
    "AlertDelivery",
    "AlertRule",
    "AlertState",
    "AnomalyEvent",
    "AnomalyResult",
    "AnomalyStream",
    "AnomalyWatch",
    "BacktestRun",
    "CollectionFailure",
    "Forecast",
    "ForecastScore",
    "ImportRun",
    "Market",
    "MarketSource",
    "ModelEvent",
    "PatternResult",
    "Preferences",
    "PriceDeletion",
    "PriceHistory",
    "QuoteFlow",
    "Severity",
    "StoredBook",
    "Theme",
    "TrainedModel",
    "TrainingRun",
    "VenueStatus",
    "WorkerHeartbeat",
]
