"""Wiring of addresses."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from analytics.api.views import UnknownAddress
from p2p.throttling import login


def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers; whether the database and the worker do too, /readyz says."""
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("admin/login/", login),
    path("admin/", admin.site.urls),
    path("api/v1/analytics/", include("analytics.api.urls")),
    re_path(r"^api/", UnknownAddress.as_view()),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}analytics/icon.svg")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("analytics.urls")),
]

handler400 = "p2p.error_pages.unreadable"
handler403 = "p2p.error_pages.not_allowed"
handler404 = "p2p.error_pages.not_found"
handler500 = "p2p.error_pages.server_error"
