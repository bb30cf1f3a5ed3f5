"""Wiring of addresses."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/analytics/", include("analytics.api.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("analytics.urls")),
]
