"""Addresses of the HTML pages."""

from django.urls import path

from analytics import views

app_name = "analytics"
urlpatterns = [
    path("", views.home, name="home"),
    path("markets/<int:pk>/", views.market, name="market"),
    path("markets/<int:pk>/chart/", views.chart, name="market-chart"),
    path("models/<int:pk>/", views.model_card, name="model-card"),
    path("readyz", views.readyz, name="readyz"),
    path("live/", views.live, name="live"),
    path("patterns/", views.patterns, name="patterns"),
]
