"""Wiring of addresses."""

from django.contrib import admin
from django.urls import include, path, re_path

from analytics.api.views import UnknownAddress

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/analytics/", include("analytics.api.urls")),
    re_path(r"^api/", UnknownAddress.as_view()),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("analytics.urls")),
]
