"""Addresses of the HTML pages."""

from django.urls import include, path

from analytics import views
from analytics.import_page import views as import_page

app_name = "analytics"
urlpatterns = [
    path("", views.home, name="home"),
    path("markets/<int:pk>/", views.market, name="market"),
    path("markets/<int:pk>/chart/", views.chart, name="market-chart"),
    path("models/<int:pk>/", views.model_card, name="model-card"),
    path("", include("analytics.review.urls")),
    path("readyz", views.readyz, name="readyz"),
    path("live/", views.live, name="live"),
    path("patterns/", views.patterns, name="patterns"),
    path("import/", import_page.send, name="import"),
    path("import/runs/<int:pk>/", import_page.run, name="import-run"),
    path("import/runs/<int:pk>/progress/", import_page.progress, name="import-progress"),
    path("import/runs/<int:pk>/rejects/", import_page.rejects, name="import-rejects"),
    path("import/<slug:token>/", import_page.look, name="import-file"),
]
