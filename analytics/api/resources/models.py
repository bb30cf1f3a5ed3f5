"""Trained versions: compared, promoted, retired, brought back, and their cards."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.answers import OfMarketSerializer
from analytics.api.fields import Input, MarketRef
from analytics.api.filters import Count, OfMarket
from analytics.api.inputs import caller, chosen_market, query_input, read
from analytics.api.schema import documented
from analytics.api.views import ReadResource
from analytics.models import TrainedModel
from analytics.models.choices import Task
from analytics.pages import cards
from analytics.pages.models import verdict
from analytics.selectors.models import is_broken, model_decision, model_get, model_list
from analytics.services.registry import promotion
from analytics.services.registry.cards import comparison, model_card

_ACTS = (400, 404, 409)


class TrainedModelSerializer(OfMarketSerializer):
    broken = serializers.SerializerMethodField()

    def get_broken(self, model: TrainedModel) -> bool:
        """Its artifact could not be used when it was asked last; others answer in its place."""
        return is_broken(model)

    class Meta:
        model = TrainedModel
        fields = (
            "id",
            "market",
            "market_id",
            "run_id",
            "task",
            "family",
            "version",
            "status",
            "broken",
            "primary_metric",
            "score",
            "baseline",
            "baseline_score",
            "beats_baseline",
            "metrics",
            "baseline_metrics",
            "step_minutes",
            "window",
            "input_columns",
            "data_from",
            "data_until",
            "trained_until",
            "test_from",
            "device",
            "trained_at",
            "drifted_at",
            "expired_at",
            "checksum",
        )
        read_only_fields = fields


class TrainedModelDetailSerializer(TrainedModelSerializer):
    """A version with the decision about it (how it did beside the one that was active) and the
    last judgement of its drift."""

    comparison = serializers.SerializerMethodField()

    class Meta(TrainedModelSerializer.Meta):
        fields = (*TrainedModelSerializer.Meta.fields, "comparison", "drift", "drift_judged_at")
        read_only_fields = fields

    def get_comparison(self, model: TrainedModel) -> dict[str, Any] | None:
        """Verdict, both figures, window, n, statistic and p-value; null where none was taken."""
        event = model_decision(model)
        return {**comparison(event), "text": verdict(event.figures)} if event else None


class PromoteInput(Input):
    force = serializers.BooleanField(
        required=False, default=False, help_text="Promote although it is not better."
    )
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=1000)


class ReasonInput(Input):
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=1000)


class RollbackInput(ReasonInput):
    market = MarketRef()
    task = serializers.ChoiceField(choices=Task.choices)


class ModelFilter(OfMarket):
    task = filters.ChoiceFilter(choices=Task.choices)
    status = filters.MultipleChoiceFilter(choices=TrainedModel.Status.choices)

    version = Count()

    class Meta:
        model = TrainedModel
        fields = ("family",)


@extend_schema_view(
    list=documented("Trained versions, newest first", TrainedModelSerializer(many=True)),
    retrieve=documented(
        "One version, with the decision about it", TrainedModelDetailSerializer, fails=(404,)
    ),
)
class ModelViewSet(ReadResource):
    queryset = TrainedModel.objects.none()
    serializer_class = TrainedModelSerializer
    detail_serializer_class = TrainedModelDetailSerializer
    filterset_class = ModelFilter
    ordering_fields = ("id", "trained_at", "version", "score")
    acts: ClassVar[dict[str, str]] = dict.fromkeys(
        ("promote", "retire", "rollback"), "change_trainedmodel"
    )

    def get_queryset(self) -> QuerySet[TrainedModel]:
        return model_list()

    @documented("Its model card: every fact that is stored", OpenApiTypes.OBJECT, fails=(404,))
    @action(detail=True, methods=["get"], name=_("Model card"))
    def card(self, request: Request, pk: str) -> Response:
        query_input(request, allowed=())
        return Response(model_card(self.get_object()))

    @documented(
        "Its model card as Markdown, in the language asked for",
        OpenApiTypes.STR,
        status=(200, "text/markdown"),
        fails=(404,),
        operation_id="models_card_markdown",
    )
    @action(
        detail=True,
        methods=["get"],
        url_path=r"card\.md",
        url_name="card-markdown",
        name=_("Model card as Markdown"),
    )
    def card_markdown(self, request: Request, pk: str) -> HttpResponse:
        query_input(request, allowed=())
        text = cards.markdown(model_card(self.get_object()))
        return HttpResponse(text, content_type="text/markdown; charset=utf-8")

    @documented(
        "Make a version answer", TrainedModelDetailSerializer, request=PromoteInput, fails=_ACTS
    )
    @action(detail=True, methods=["post"], name=_("Promote"))
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
    @action(detail=True, methods=["post"], name=_("Retire"))
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
    @action(
        detail=False,
        methods=["post"],
        filterset_class=None,
        pagination_class=None,
        name=_("Go back"),
    )
    def rollback(self, request: Request) -> Response:
        values = read(request, RollbackInput)
        market = chosen_market(values)
        return self._shown(promotion.model_rollback(market=market, by=caller(request), **values))

    def _shown(self, model: Any) -> Response:
        return Response(self.get_serializer(model_get(model.pk)).data)
