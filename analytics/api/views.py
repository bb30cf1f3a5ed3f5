"""What every view shares, the root, and the answer of addresses that do not exist."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import conditional_page
from django_filters.rest_framework import DjangoFilterBackend, MultipleChoiceFilter
from rest_framework import mixins
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.routers import Route, SimpleRouter
from rest_framework.serializers import BaseSerializer
from rest_framework.settings import api_settings
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from analytics.api.errors import LengthRequired
from analytics.api.filters import StrictOrdering
from analytics.api.inputs import query_input, refuse_empty
from analytics.api.renderers import NOWHERE, ROW_FORMATS, CSVRenderer, FiniteJSONRenderer


class Answering:
    """For views of either kind: in which formats they answer, and that unchanged answers are not
    sent again."""

    #: Action -> renderers beside the usual ones. Lists are tables.
    formats: ClassVar[dict[str, tuple[type, ...]]] = {"list": (CSVRenderer,)}

    @classmethod
    def as_view(cls, *args: Any, **kwargs: Any) -> Any:
        # An ETag on what GET answers; 304 where the caller has it already.
        return conditional_page(super().as_view(*args, **kwargs))  # type: ignore[misc]

    @property
    def renderer_classes(self) -> list[type]:
        own = self.formats.get(getattr(self, "action", None) or "", ())
        return [*api_settings.DEFAULT_RENDERER_CLASSES, *own]

    def row_serializer(self) -> Any:
        """What a row of the list is made of."""
        return self.get_serializer()  # type: ignore[attr-defined]

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Rows are a file to save; an error among formats of rows is the one shape, in JSON."""
        form = getattr(getattr(request, "accepted_renderer", None), "format", None)
        if response.status_code >= 400 and form in (None, *ROW_FORMATS):
            request.accepted_renderer = FiniteJSONRenderer()
            request.accepted_media_type = FiniteJSONRenderer.media_type
        elif form in ROW_FORMATS:
            name = (request.path.rstrip("/").rpartition("/")[2]) or "list"
            response.headers.setdefault(
                "Content-Disposition", f'attachment; filename="{name}.{form}"'
            )
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]


class StrictRequest(Answering):
    """Nothing that was sent is silently left unread."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        meta = request._request.META
        if meta.get("HTTP_TRANSFER_ENCODING") and not meta.get("CONTENT_LENGTH"):
            raise LengthRequired(_("Send the body with a Content-Length."))


class ApiView(StrictRequest, APIView):
    """A view that is no viewset."""


class Resource(StrictRequest, GenericViewSet):
    """A viewset whose lists refuse query parameters that they do not know, that come twice or that
    say nothing: each would silently filter by something else than was meant."""

    lookup_value_regex = "[0-9]{1,18}"
    filter_backends = [DjangoFilterBackend, StrictOrdering]
    filterset_class: ClassVar[Any] = None
    page_names: ClassVar[tuple[str, ...]] = ("page", "page_size", "ordering")

    def get_view_name(self) -> str:
        """Of a browsed page: an action's own name, or that of the rows."""
        words = self.queryset.model._meta
        several = self.suffix != "Instance"
        return self.name or capfirst(words.verbose_name_plural if several else words.verbose_name)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action == "list":
            self.check_names(request)
        elif self.action == "retrieve":
            query_input(request, allowed=())

    def check_names(self, request: Request) -> None:
        filters = self.filterset_class.base_filters if self.filterset_class else {}
        several = [n for n in filters if isinstance(filters[n], MultipleChoiceFilter)]
        query_input(request, allowed=(*filters, *self.page_names), choices=several)
        refuse_empty(request)


class ReadResource(mixins.ListModelMixin, mixins.RetrieveModelMixin, Resource):
    """A list and its details; `detail_serializer_class` adds what is too long for a list."""

    detail_serializer_class: ClassVar[type[BaseSerializer] | None] = None

    def get_serializer_class(self) -> type[BaseSerializer]:
        detail = self.detail_serializer_class
        return detail if detail and self.action != "list" else super().get_serializer_class()


class SlashRouter(SimpleRouter):
    """Addresses with and without a trailing slash: DRF would answer 404 to a POST that lacks it."""

    #: A list may offer to delete many of its rows.
    routes = [
        route._replace(mapping={**route.mapping, "delete": "delete_many"})
        if isinstance(route, Route) and "post" in route.mapping
        else route
        for route in SimpleRouter.routes
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trailing_slash = "/?"


class Root(ApiView):
    name = gettext_lazy("All resources")
    schema = None
    #: What is shown -> name of the address; analytics.api.urls hands it over.
    links: ClassVar[dict[str, str]] = {}

    def get(self, request: Request) -> Response:
        return Response({k: reverse(name, request=request) for k, name in self.links.items()})


class UnknownAddress(APIView):
    """404 in the one shape, for every method and everybody."""

    name = NOWHERE
    schema = None
    permission_classes = [AllowAny]
    authentication_classes: list = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(
            request, force=True
        )
        raise NotFound(_("There is nothing at this address."))
