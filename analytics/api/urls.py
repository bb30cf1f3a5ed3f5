"""Addresses of the API, each with and without a trailing slash."""

from __future__ import annotations

from typing import Any

from django.urls import re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from analytics.api import views_dl
from analytics.api.routers import SlashRouter
from analytics.api.views import Root, UnknownAddress
from analytics.api.views_token import ObtainToken
from analytics.api.viewsets import FamilyViewSet, ForecastViewSet, PatternViewSet
from analytics.api.viewsets_anomalies import AnomalyEventViewSet, AnomalyViewSet
from analytics.api.viewsets_backtests import BacktestViewSet
from analytics.api.viewsets_markets import MarketViewSet, PriceViewSet
from analytics.api.viewsets_models import ModelViewSet, TrainingRunViewSet

app_name = "api"
router = SlashRouter()
router.register("markets", MarketViewSet, "market")
router.register("prices", PriceViewSet, "price")
router.register("training-runs", TrainingRunViewSet, "training-run")
router.register("models", ModelViewSet, "model")
router.register("forecasts", ForecastViewSet, "forecast")
router.register("anomaly-events", AnomalyEventViewSet, "anomaly-event")
router.register("anomalies", AnomalyViewSet, "anomaly")
router.register("patterns", PatternViewSet, "pattern")
router.register("backtests", BacktestViewSet, "backtest")
router.register("families", FamilyViewSet, "family")

_DL: dict[str, Any] = {
    "model-info": views_dl.ModelInfo,
    **views_dl.TRAIN_VIEWS,
    "predict-price": views_dl.PredictPrice,
    "predict-spread": views_dl.PredictSpread,
    "detect-anomalies": views_dl.DetectAnomalies,
    "recognize-patterns": views_dl.RecognizePatterns,
}

urlpatterns = [
    re_path(r"^$", Root.as_view(), name="root"),
    *(re_path(rf"^dl/{name}/?$", view.as_view(), name=name) for name, view in _DL.items()),
    re_path(r"^token/?$", ObtainToken.as_view(), name="token"),
    re_path(r"^schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^docs/?$", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    *router.urls,
    re_path(r"^.*$", UnknownAddress.as_view(), name="unknown"),
]
