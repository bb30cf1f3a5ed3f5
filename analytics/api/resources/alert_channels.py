"""Channels of alerts: listed without their secrets, made, changed, removed, tested."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.api.fields import Input, Retold
from analytics.api.filters import Flag
from analytics.api.inputs import caller, query_input, read
from analytics.api.renderers import CSVRenderer
from analytics.api.resources.sources import OptionsField, VenueOption
from analytics.api.schema import documented
from analytics.api.views import ReadResource
from analytics.models import AlertChannel
from analytics.selectors.alerts import channel_list
from analytics.services.alerting import channels
from analytics.services.alerting.delivering import channel_test

_QUIET = "Local time in `timezone`; both or none."


class ChannelChange(Input):
    name = serializers.CharField(required=False, max_length=80)
    options = OptionsField(
        required=False, help_text="Options of the kind, by name; hidden secrets stay as they are."
    )
    enabled = serializers.BooleanField(required=False)
    language = serializers.ChoiceField(required=False, choices=settings.LANGUAGES)
    timezone = serializers.CharField(required=False, max_length=64, help_text="America/La_Paz")
    quiet_from = serializers.TimeField(required=False, allow_null=True, help_text=_QUIET)
    quiet_until = serializers.TimeField(required=False, allow_null=True, help_text=_QUIET)
    digest_minutes = serializers.IntegerField(
        required=False, min_value=0, max_value=channels.LONGEST_DIGEST
    )


class ChannelInput(ChannelChange):
    name = serializers.CharField(max_length=80)
    kind = serializers.CharField(max_length=20, help_text="See alert-channels/kinds.")


class AlertChannelSerializer(serializers.ModelSerializer):
    options = serializers.SerializerMethodField(help_text="Secrets are hidden.")
    waiting = serializers.IntegerField(read_only=True, help_text="Messages that wait.")
    dead = serializers.IntegerField(read_only=True, help_text="Messages that were given up.")
    made_key = serializers.CharField(
        read_only=True,
        allow_null=True,
        help_text="The signing key, in the one answer to the request that had it made.",
    )
    last_error = Retold()

    class Meta:
        model = AlertChannel
        fields = (
            "id",
            "name",
            "kind",
            "options",
            "enabled",
            "language",
            "timezone",
            "quiet_from",
            "quiet_until",
            "digest_minutes",
            "waiting",
            "dead",
            "failures",
            "last_success_at",
            "last_error_at",
            "last_error",
            "made_key",
            "created_at",
        )
        read_only_fields = fields

    def get_options(self, channel: AlertChannel) -> dict[str, Any]:
        """Options of the kind; secrets are hidden."""
        return channels.shown_options(channel)


class TestedAnswer(serializers.Serializer):
    ok = serializers.BooleanField()
    code = serializers.CharField()
    message = serializers.CharField()


class ChannelKindAnswer(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    takes_image = serializers.BooleanField()
    options = VenueOption(many=True)


class ChannelFilter(filters.FilterSet):
    enabled = Flag()
    kind = filters.CharFilter(max_length=20)

    class Meta:
        model = AlertChannel
        fields: tuple = ()


@extend_schema_view(
    list=documented("Channels of alerts", AlertChannelSerializer(many=True)),
    retrieve=documented("One channel", AlertChannelSerializer, fails=(404,)),
)
class AlertChannelViewSet(ReadResource):
    queryset = AlertChannel.objects.none()
    serializer_class = AlertChannelSerializer
    filterset_class = ChannelFilter
    ordering_fields = ("id", "name", "kind", "enabled", "created_at")
    acts: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("create", "partial_update", "test"), "change_alertchannel"),
        "destroy": "delete_alertchannel",
    }
    formats = {**ReadResource.formats, "kinds": (CSVRenderer,)}

    def row_serializer(self) -> serializers.BaseSerializer:
        return ChannelKindAnswer() if self.action == "kinds" else super().row_serializer()

    def get_queryset(self) -> QuerySet[AlertChannel]:
        return channel_list()

    @documented(
        "Make a channel", AlertChannelSerializer, status=201, request=ChannelInput, fails=(400, 409)
    )
    def create(self, request: Request) -> Response:
        values = read(request, ChannelInput)
        channel = channels.channel_create(owner=caller(request), **values)
        return Response(self.get_serializer(channel).data, status=status.HTTP_201_CREATED)

    @documented(
        "Change a channel, or switch it on or off",
        AlertChannelSerializer,
        request=ChannelChange,
        fails=(400, 404, 409),
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        values = read(request, ChannelChange)
        channel = channels.channel_change(channel=self.get_object(), **values)
        return Response(self.get_serializer(channel).data)

    @documented("Remove a channel, and what waits for it", None, status=204, fails=(404,))
    def destroy(self, request: Request, pk: str) -> Response:
        channels.channel_delete(channel=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @documented("Send a test message now", TestedAnswer, request=None, fails=(400, 404))
    @action(detail=True, methods=["post"], name=_("Send a test"))
    def test(self, request: Request, pk: str) -> Response:
        read(request, Input)
        return Response(channel_test(channel=self.get_object()))

    @documented("Kinds of channels", ChannelKindAnswer(many=True), fails=(400,))
    @action(
        detail=False,
        methods=["get"],
        pagination_class=None,
        filterset_class=None,
        name=_("Kinds of channel"),
    )
    def kinds(self, request: Request) -> Response:
        query_input(request, allowed=())
        return Response(channels.channel_kinds_described())
