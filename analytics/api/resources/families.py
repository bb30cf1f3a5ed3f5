"""What can be trained, and with which parameters."""

from __future__ import annotations

from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analytics.api.fields import Input
from analytics.api.inputs import read_query
from analytics.api.schema import documented, query_of
from analytics.api.views import StrictRequest
from analytics.models.choices import Task
from analytics.services.registry import families as known


class TaskInput(Input):
    task = serializers.ChoiceField(choices=Task.choices, required=False)


class Parameter(serializers.Serializer):
    name = serializers.CharField()
    type = serializers.CharField()
    default = serializers.JSONField()
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    help = serializers.CharField()


class FamilyAnswer(serializers.Serializer):
    name = serializers.CharField()
    task = serializers.ChoiceField(choices=Task.choices)
    title = serializers.CharField()
    baseline = serializers.CharField()
    primary_metric = serializers.CharField()
    higher_is_better = serializers.BooleanField()
    parameters = Parameter(many=True)


class FamilyViewSet(StrictRequest, ViewSet):
    def get_view_name(self) -> str:
        return gettext("Model families")

    def row_serializer(self) -> FamilyAnswer:
        return FamilyAnswer()

    @documented(
        "Model families with their parameters",
        FamilyAnswer(many=True),
        parameters=query_of(TaskInput),
    )
    def list(self, request: Request) -> Response:
        task = read_query(request, TaskInput).get("task")
        families = known.family_list()
        return Response([f for f in families if task in (None, f["task"])])
