"""Train a network: one call per task. Any parameter may stand in the query or the JSON body."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.answers import QueuedAnswer, queued
from analytics.api.fields import Input, MarketInput, Moment
from analytics.api.inputs import caller, chosen_market, read_with_params
from analytics.api.schema import documented, query_of
from analytics.api.views import ApiView
from analytics.models.choices import Task
from analytics.services.jobs import training


class TrainInput(MarketInput):
    """Any parameter of the family (see /families) may stand beside these."""

    family = serializers.CharField(
        required=False, max_length=40, help_text="Model family; the task's own by default."
    )
    device = serializers.CharField(
        required=False,
        max_length=40,
        allow_blank=True,
        help_text="cpu, cuda, ...; the best there is by default.",
    )
    until = Moment(required=False, help_text="Learn from nothing later than this.")


class TrainBody(TrainInput):
    """Documents the parameters that every family takes; ml checks them, and each family's own."""

    epochs = serializers.IntegerField(required=False, help_text="Most passes over the data.")
    batch_size = serializers.IntegerField(required=False, help_text="Windows per step.")
    learning_rate = serializers.FloatField(required=False, help_text="Peak step size.")
    seed = serializers.IntegerField(required=False, help_text="Seed of every random choice.")


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
    return queued(run, "training-run-detail")


class _Train(ApiView):
    acts: ClassVar[dict[str, str]] = {"post": "change_trainingrun"}
    task: ClassVar[str]

    def post(self, request: Request) -> Response:
        return start_training(request, TrainInput, self.task)


def _documented(task: str, operation: str) -> Callable:
    return extend_schema_view(
        post=documented(
            f"Train a new {task} model",
            QueuedAnswer,
            status=202,
            request=TrainBody,
            parameters=query_of(TrainBody),
            fails=(400, 404, 409),
            operation_id=operation,
        )
    )


@_documented("price", "dl_train_price_predictor")
class TrainPrice(_Train):
    name = _("Train a price model")
    task = Task.PRICE


@_documented("spread", "dl_train_spread_predictor")
class TrainSpread(_Train):
    name = _("Train a spread model")
    task = Task.SPREAD


@_documented("anomaly", "dl_train_anomaly_detector")
class TrainAnomaly(_Train):
    name = _("Train an anomaly detector")
    task = Task.ANOMALY


@_documented("pattern", "dl_train_pattern_recognizer")
class TrainPattern(_Train):
    name = _("Train a pattern recogniser")
    task = Task.PATTERN
