"""Wiring of addresses."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from analytics.api.views import UnknownAddress

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/analytics/", include("analytics.api.urls")),
    re_path(r"^api/", UnknownAddress.as_view()),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}analytics/icon.svg")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("analytics.urls")),
]

handler404 = "p2p.error_pages.not_found"
