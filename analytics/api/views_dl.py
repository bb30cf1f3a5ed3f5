"""The deep learning calls: train, predict, detect, recognise. Every parameter may stand in the
query or in the JSON body."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.parsers import merged_input
from analytics.api.schema import documented, query_of
from analytics.api.serializers_answer import (
    ModelInfoAnswer,
    PriceAnswer,
    QueuedAnswer,
    RecognizeAnswer,
    ScanAnswer,
    SpreadAnswer,
)
from analytics.api.serializers_input import (
    Input,
    MarketInput,
    PredictInput,
    RecognizeInput,
    ScanInput,
    TrainBody,
    TrainInput,
)
from analytics.api.views import ApiView, caller, checked, chosen_market, read, read_query
from analytics.exceptions import InvalidInput
from analytics.selectors.prices import market_get
from analytics.services import patterns
from analytics.services import status as state
from analytics.services.anomalies import scan as anomalies
from analytics.services.forecasts import prediction
from analytics.services.jobs import training

#: No number needs more characters; longer ones overflow where they are compared.
_LONGEST_VALUE = 64
_MOST_PARAMETERS = 100


def read_with_params(
    request: Request, serializer: type[Input]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the serializer knows, checked; and the rest: parameters of a family, which the service
    checks."""
    given = merged_input(request)
    known = set(serializer.names())
    values = checked(serializer, {k: v for k, v in given.items() if k in known})
    params = {k: v for k, v in given.items() if k not in known}
    if len(params) > _MOST_PARAMETERS:
        raise InvalidInput(_("These are too many parameters."), "unknown_parameter")
    too_long = [k for k, v in params.items() if isinstance(v, str) and len(v) > _LONGEST_VALUE]
    if too_long:
        raise InvalidInput(
            _("Some training parameters cannot be used."),
            "bad_config",
            dict.fromkeys(too_long, _("too long")),
        )
    return values, params


def start_training(request: Request, serializer: type[Input], task: str = "") -> Response:
    """202 with the address of the run, for dl/train-* and training-runs alike."""
    values, params = read_with_params(request, serializer)
    run = training.training_request(
        market=chosen_market(values),
        task=values.pop("task", task),
        params=params,
        requested_by=caller(request),
        **values,
    )
    url = reverse("api:training-run-detail", args=[run.pk])
    return Response(
        {"run_id": run.pk, "status": run.status, "status_url": url},
        status=status.HTTP_202_ACCEPTED,
        headers={"Location": url},
    )


class ModelInfo(ApiView):
    @documented(
        "Device, and who answers per market and task",
        ModelInfoAnswer,
        parameters=query_of(MarketInput),
        fails=(400, 404),
        operation_id="dl_model_info",
    )
    def get(self, request: Request) -> Response:
        wanted = read_query(request, MarketInput).get("market")
        market = market_get(wanted) if wanted is not None else None
        return Response(state.model_info(market=market))


class _Train(ApiView):
    staff_actions = ("post",)
    task: ClassVar[str]

    def post(self, request: Request) -> Response:
        return start_training(request, TrainInput, self.task)


def _train(task: str, name: str) -> type[_Train]:
    """One view per task, so that each has its own entry in the document."""
    document = documented(
        f"Train a new {task} model",
        QueuedAnswer,
        status=202,
        request=TrainBody,
        parameters=query_of(TrainBody),
        fails=(400, 404, 409),
        operation_id=f"dl_{name.replace('-', '_')}",
    )
    made = type(f"Train{task.title()}", (_Train,), {"task": task, "post": _own(_Train.post)})
    made.post = document(made.post)  # type: ignore[attr-defined]
    return made


def _own(method: Any) -> Any:
    """A function of its own: the document is written onto the function."""

    def post(self: _Train, request: Request) -> Response:
        return method(self, request)

    return post


TRAIN_VIEWS = {
    name: _train(task, name)
    for task, name in (
        ("price", "train-price-predictor"),
        ("spread", "train-spread-predictor"),
        ("anomaly", "train-anomaly-detector"),
        ("pattern", "train-pattern-recognizer"),
    )
}
_FAILS = (400, 404, 409, 413, 503)


class PredictPrice(ApiView):
    @documented(
        "Forecast the price",
        PriceAnswer,
        request=PredictInput,
        parameters=query_of(PredictInput),
        fails=_FAILS,
        operation_id="dl_predict_price",
    )
    def post(self, request: Request) -> Response:
        values = read(request, PredictInput)
        market = chosen_market(values)
        return Response(prediction.forecast_make(task="price", market=market, **values))


class PredictSpread(ApiView):
    @documented(
        "Forecast the spread",
        SpreadAnswer,
        request=PredictInput,
        parameters=query_of(PredictInput),
        fails=_FAILS,
        operation_id="dl_predict_spread",
    )
    def post(self, request: Request) -> Response:
        values = read(request, PredictInput)
        market = chosen_market(values)
        return Response(prediction.forecast_make(task="spread", market=market, **values))


class DetectAnomalies(ApiView):
    @documented(
        "Find anomalies in stored history or in a posted sequence",
        ScanAnswer,
        request=ScanInput,
        parameters=query_of(ScanInput),
        fails=_FAILS,
        operation_id="dl_detect_anomalies",
    )
    def post(self, request: Request) -> Response:
        values = read(request, ScanInput)
        market = chosen_market(values)
        span = {"start": values.pop("from", None), "end": values.pop("to", None)}
        return Response(anomalies.anomaly_scan(market=market, **span, **values))


class RecognizePatterns(ApiView):
    @documented(
        "Name the present pattern",
        RecognizeAnswer,
        request=RecognizeInput,
        parameters=query_of(RecognizeInput),
        fails=_FAILS,
        operation_id="dl_recognize_patterns",
    )
    def post(self, request: Request) -> Response:
        values = read(request, RecognizeInput)
        market = chosen_market(values)
        return Response(patterns.pattern_recognize(market=market, **values))
