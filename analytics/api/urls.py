"""Addresses of the API, each with and without a trailing slash."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import re_path
from django.utils import translation
from django.views.decorators.http import conditional_page
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)

from analytics.api.dl import anomalies, forecasts, info, patterns, training
from analytics.api.resources.alert_channels import AlertChannelViewSet
from analytics.api.resources.alert_deliveries import AlertDeliveryViewSet
from analytics.api.resources.alert_rules import AlertRuleViewSet
from analytics.api.resources.anomalies import AnomalyEventViewSet, AnomalyViewSet
from analytics.api.resources.backtests import BacktestViewSet
from analytics.api.resources.families import FamilyViewSet
from analytics.api.resources.forecasts import ForecastViewSet
from analytics.api.resources.markets import MarketViewSet
from analytics.api.resources.models import ModelViewSet
from analytics.api.resources.patterns import PatternViewSet
from analytics.api.resources.prices import PriceViewSet
from analytics.api.resources.sources import SourceViewSet
from analytics.api.resources.training_runs import TrainingRunViewSet
from analytics.api.tokens import ObtainToken
from analytics.api.views import Root, SlashRouter, UnknownAddress

app_name = "api"
router = SlashRouter()
router.register("markets", MarketViewSet, "market")
router.register("prices", PriceViewSet, "price")
router.register("sources", SourceViewSet, "source")
router.register("training-runs", TrainingRunViewSet, "training-run")
router.register("models", ModelViewSet, "model")
router.register("forecasts", ForecastViewSet, "forecast")
router.register("anomaly-events", AnomalyEventViewSet, "anomaly-event")
router.register("anomalies", AnomalyViewSet, "anomaly")
router.register("patterns", PatternViewSet, "pattern")
router.register("backtests", BacktestViewSet, "backtest")
router.register("families", FamilyViewSet, "family")
router.register("alert-rules", AlertRuleViewSet, "alert-rule")
router.register("alert-channels", AlertChannelViewSet, "alert-channel")
router.register("alert-deliveries", AlertDeliveryViewSet, "alert-delivery")


class DocumentView(SpectacularAPIView):
    """The document itself, all of it in English: what it says of our calls is written in no other
    language, and half of it is of others, who have more."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with translation.override("en"):
            return super().dispatch(request, *args, **kwargs)


class DocsView(SpectacularSwaggerSplitView):
    """The page of the schema; it is a page, and so has no description to ask for."""

    http_method_names = ["get", "head"]


class ReadingView(SpectacularRedocView):
    """The same to read, with Redoc."""

    http_method_names = ["get", "head"]


#: (address below dl/, name for reverse(), view). The one place that says where a call stands.
CALLS = (
    ("model-info", "model-info", info.ModelInfo),
    ("train-price-predictor", "train-price", training.TrainPrice),
    ("train-spread-predictor", "train-spread", training.TrainSpread),
    ("train-anomaly-detector", "train-anomaly", training.TrainAnomaly),
    ("train-pattern-recognizer", "train-pattern", training.TrainPattern),
    ("predict-price", "predict-price", forecasts.PredictPrice),
    ("predict-spread", "predict-spread", forecasts.PredictSpread),
    ("detect-anomalies", "detect-anomalies", anomalies.DetectAnomalies),
    ("recognize-patterns", "recognize-patterns", patterns.RecognizePatterns),
)
_LINKS = {
    **{prefix: f"api:{name}-list" for prefix, _viewset, name in router.registry},
    **{f"dl/{address}": f"api:{name}" for address, name, _view in CALLS},
    **{name: f"api:{name}" for name in ("schema", "docs", "redoc", "token")},
}

urlpatterns = [
    re_path(r"^$", Root.as_view(links=_LINKS), name="root"),
    *(re_path(rf"^dl/{address}/?$", view.as_view(), name=name) for address, name, view in CALLS),
    re_path(r"^token/?$", ObtainToken.as_view(), name="token"),
    re_path(r"^schema/?$", conditional_page(DocumentView.as_view()), name="schema"),
    re_path(r"^docs/?$", DocsView.as_view(url_name="api:schema"), name="docs"),
    re_path(r"^redoc/?$", ReadingView.as_view(url_name="api:schema"), name="redoc"),
    *router.urls,
    re_path(r"^.*$", UnknownAddress.as_view(), name="unknown"),
]
