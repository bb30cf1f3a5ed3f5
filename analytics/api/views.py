"""What every view shares, the root, and the answer of addresses that do not exist."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import ListField, Serializer
from rest_framework.views import APIView

from analytics.api.errors import LengthRequired
from analytics.api.parsers import merged_input, query_input
from analytics.api.serializers_input import Input
from analytics.models import Market
from analytics.selectors.prices import market_get


class StrictRequest:
    """For views of either kind: nothing that was sent is silently left unread."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        meta = request._request.META
        if meta.get("HTTP_TRANSFER_ENCODING") and not meta.get("CONTENT_LENGTH"):
            raise LengthRequired(_("Send the body with a Content-Length."))


class ApiView(StrictRequest, APIView):
    """A view that is no viewset."""


def read(request: Request, serializer: type[Input]) -> dict[str, Any]:
    """Query and body, checked for names, types and shape by an input serializer."""
    fields = serializer().fields
    lists = [name for name, field in fields.items() if isinstance(field, ListField)]
    return checked(serializer, merged_input(request, allowed=fields, body_only=lists))


def read_query(request: Request, serializer: type[Input]) -> dict[str, Any]:
    return checked(serializer, query_input(request, allowed=serializer.names()))


def checked(serializer: type[Serializer], data: Any) -> dict[str, Any]:
    form = serializer(data=data)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def chosen_market(values: dict[str, Any]) -> Market:
    """The market that the input names, or the only one there is."""
    return market_get(values.pop("market", None))


def caller(request: Request) -> Any:
    """Who is asking, for the trail; None where the API is open."""
    return request.user if request.user and request.user.is_authenticated else None


DL_NAMES = (
    "model-info",
    "train-price-predictor",
    "train-spread-predictor",
    "train-anomaly-detector",
    "train-pattern-recognizer",
    "predict-price",
    "predict-spread",
    "detect-anomalies",
    "recognize-patterns",
)
_LISTS = (
    "market",
    "price",
    "training-run",
    "model",
    "forecast",
    "anomaly-event",
    "anomaly",
    "pattern",
    "backtest",
    "family",
)


class Root(ApiView):
    """Forecasts, anomalies and patterns of peer-to-peer markets."""

    schema = None

    def get(self, request: Request) -> Response:
        found = {name: f"api:{name}-list" for name in _LISTS}
        links = {
            reverse(view, request=request).rstrip("/").rsplit("/", 1)[-1]: reverse(
                view, request=request
            )
            for view in found.values()
        }
        links |= {f"dl/{name}": reverse(f"api:{name}", request=request) for name in DL_NAMES}
        links |= {name: reverse(f"api:{name}", request=request) for name in ("schema", "docs")}
        return Response({**links, "token": reverse("api:token", request=request)})


class UnknownAddress(APIView):
    """404 in the one shape, for every method and everybody."""

    schema = None
    permission_classes = [AllowAny]
    authentication_classes: list = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(
            request, force=True
        )
        raise NotFound(_("There is nothing at this address."))
