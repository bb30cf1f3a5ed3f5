"""Training runs: asked for, followed, cancelled."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.answers import OfMarketSerializer, QueuedAnswer
from analytics.api.dl.training import TrainBody, TrainInput, start_training
from analytics.api.fields import Input, Retold
from analytics.api.filters import OfMarket, SpanFilter
from analytics.api.inputs import caller, read
from analytics.api.schema import documented, query_of
from analytics.api.views import ReadResource
from analytics.models import TrainedModel, TrainingRun
from analytics.models.choices import Task
from analytics.selectors.runs import run_list
from analytics.services.jobs import lifecycle

_ACTS = (400, 404, 409)


class TrainingRunSerializer(OfMarketSerializer):
    requested_by = serializers.CharField(
        source="requested_by.username", read_only=True, allow_null=True, default=None
    )
    progress = serializers.FloatField(read_only=True, help_text="Share of the epochs done, 0 to 1.")
    seconds = serializers.FloatField(read_only=True, allow_null=True)
    error_message = Retold()

    class Meta:
        model = TrainingRun
        fields = (
            "id",
            "market",
            "market_id",
            "task",
            "family",
            "status",
            "reason",
            "stage",
            "progress",
            "epoch",
            "epochs",
            "eta_seconds",
            "seconds",
            "heartbeat_at",
            "attempts",
            "cancel_requested",
            "error_code",
            "error_message",
            "device",
            "requested_by",
            "created_at",
            "started_at",
            "finished_at",
        )
        read_only_fields = fields


class TrainingRunDetailSerializer(TrainingRunSerializer):
    """A run with what is too long for a list: its configuration, data and losses."""

    model_id = serializers.SerializerMethodField()

    class Meta(TrainingRunSerializer.Meta):
        fields = (
            *TrainingRunSerializer.Meta.fields,
            "model_id",
            "reason_figures",
            "config",
            "seed",
            "device_wish",
            "data_from",
            "data_until",
            "row_count",
            "labels",
            "dataset_hash",
            "others",
            "audit",
            "versions",
            "losses",
        )
        read_only_fields = fields

    def get_model_id(self, run: TrainingRun) -> int | None:
        model = TrainedModel.objects.filter(run=run).only("pk").first()
        return model.pk if model else None


class TrainTaskBody(TrainBody):
    task = serializers.ChoiceField(choices=Task.choices)


class TrainTaskInput(TrainInput):
    task = serializers.ChoiceField(choices=Task.choices)


class RunFilter(OfMarket, SpanFilter):
    moment = "created_at"
    task = filters.ChoiceFilter(choices=Task.choices)
    status = filters.MultipleChoiceFilter(choices=TrainingRun.Status.choices)

    class Meta:
        model = TrainingRun
        fields = ("family",)


@extend_schema_view(
    list=documented("Training runs, newest first", TrainingRunSerializer(many=True)),
    retrieve=documented("One run, with losses", TrainingRunDetailSerializer, fails=(404,)),
)
class TrainingRunViewSet(ReadResource):
    queryset = TrainingRun.objects.none()
    serializer_class = TrainingRunSerializer
    detail_serializer_class = TrainingRunDetailSerializer
    filterset_class = RunFilter
    ordering_fields = ("id", "created_at", "finished_at", "status")
    acts: ClassVar[dict[str, str]] = dict.fromkeys(("create", "cancel"), "change_trainingrun")

    def get_queryset(self) -> QuerySet[TrainingRun]:
        rows = run_list()
        # Losses and configurations are long; a list of them is not read for those.
        long = ("losses", "config", "versions")
        return rows.defer(*long) if self.action == "list" else rows

    @documented(
        "Train a new model",
        QueuedAnswer,
        status=202,
        request=TrainTaskBody,
        parameters=query_of(TrainTaskBody),
        fails=_ACTS,
    )
    def create(self, request: Request) -> Response:
        return start_training(request, TrainTaskInput)

    @documented("Cancel a run", TrainingRunDetailSerializer, request=None, fails=_ACTS)
    @action(detail=True, methods=["post"], name=_("Cancel"))
    def cancel(self, request: Request, pk: str) -> Response:
        read(request, Input)
        run = lifecycle.job_cancel(run=self.get_object(), by=caller(request))
        return Response(self.get_serializer(run).data)
