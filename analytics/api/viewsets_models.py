"""Runs and versions: resources that are read, and acted on through services."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from analytics.api.filters import ModelFilter, RunFilter
from analytics.api.parsers import query_input
from analytics.api.schema import documented, query_of
from analytics.api.serializers import (
    TrainedModelDetailSerializer,
    TrainedModelSerializer,
    TrainingRunDetailSerializer,
    TrainingRunSerializer,
)
from analytics.api.serializers_answer import QueuedAnswer
from analytics.api.serializers_input import (
    Input,
    PromoteInput,
    ReasonInput,
    RollbackInput,
    TrainTaskBody,
    TrainTaskInput,
)
from analytics.api.views import caller, chosen_market, read
from analytics.api.views_dl import start_training
from analytics.api.viewsets import ReadResource
from analytics.models import TrainedModel, TrainingRun
from analytics.pages import cards
from analytics.selectors.models import model_list
from analytics.selectors.runs import run_list
from analytics.services.jobs import lifecycle
from analytics.services.registry import promotion
from analytics.services.registry.cards import model_card

_ACTS = (400, 404, 409)


@extend_schema_view(
    list=documented("Training runs, newest first", TrainingRunSerializer(many=True)),
    retrieve=documented("One run, with losses", TrainingRunDetailSerializer, fails=(404,)),
)
class TrainingRunViewSet(ReadResource):
    queryset = TrainingRun.objects.none()
    serializer_class = TrainingRunSerializer
    filterset_class = RunFilter
    ordering_fields = ("id", "created_at", "finished_at", "status")
    staff_actions = ("create", "cancel")

    def get_queryset(self) -> QuerySet[TrainingRun]:
        rows = run_list()
        # Losses and configurations are long; a list of them is not read for those.
        long = ("losses", "config", "versions")
        return rows.defer(*long) if self.action == "list" else rows

    def get_serializer_class(self) -> type[BaseSerializer]:
        return TrainingRunSerializer if self.action == "list" else TrainingRunDetailSerializer

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
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        read(request, Input)
        run = lifecycle.job_cancel(run=self.get_object(), by=caller(request))
        return Response(self.get_serializer(run).data)


@extend_schema_view(
    list=documented("Trained versions, newest first", TrainedModelSerializer(many=True)),
    retrieve=documented(
        "One version, with the decision about it", TrainedModelDetailSerializer, fails=(404,)
    ),
)
class ModelViewSet(ReadResource):
    queryset = TrainedModel.objects.none()
    serializer_class = TrainedModelSerializer
    filterset_class = ModelFilter
    ordering_fields = ("id", "trained_at", "version", "score")
    staff_actions = ("promote", "retire", "rollback")

    def get_queryset(self) -> QuerySet[TrainedModel]:
        return model_list()

    def get_serializer_class(self) -> type[BaseSerializer]:
        return TrainedModelSerializer if self.action == "list" else TrainedModelDetailSerializer

    @documented("Its model card: every fact that is stored", OpenApiTypes.OBJECT, fails=(404,))
    @action(detail=True, methods=["get"])
    def card(self, request: Request, pk: str) -> Response:
        query_input(request, allowed=())
        return Response(model_card(self.get_object()))

    @documented(
        "Its model card as Markdown, in the language asked for",
        OpenApiTypes.STR,
        status=(200, "text/markdown"),
        fails=(404,),
    )
    @action(detail=True, methods=["get"], url_path=r"card\.md", url_name="card-markdown")
    def card_markdown(self, request: Request, pk: str) -> HttpResponse:
        query_input(request, allowed=())
        text = cards.markdown(model_card(self.get_object()))
        return HttpResponse(text, content_type="text/markdown; charset=utf-8")

    @documented(
        "Make a version answer", TrainedModelDetailSerializer, request=PromoteInput, fails=_ACTS
    )
    @action(detail=True, methods=["post"])
    def promote(self, request: Request, pk: str) -> Response:
        model = self.get_object()
        values = read(request, PromoteInput)
        return self._shown(promotion.model_promote(model=model, by=caller(request), **values))

    @documented(
        "Take a version out of service",
        TrainedModelDetailSerializer,
        request=ReasonInput,
        fails=_ACTS,
    )
    @action(detail=True, methods=["post"])
    def retire(self, request: Request, pk: str) -> Response:
        model = self.get_object()
        values = read(request, ReasonInput)
        return self._shown(promotion.model_retire(model=model, by=caller(request), **values))

    @documented(
        "Bring the version before back",
        TrainedModelDetailSerializer,
        request=RollbackInput,
        fails=_ACTS,
    )
    @action(detail=False, methods=["post"], filterset_class=None, pagination_class=None)
    def rollback(self, request: Request) -> Response:
        values = read(request, RollbackInput)
        market = chosen_market(values)
        return self._shown(promotion.model_rollback(market=market, by=caller(request), **values))

    def _shown(self, model: Any) -> Response:
        return Response(self.get_serializer(model).data)
