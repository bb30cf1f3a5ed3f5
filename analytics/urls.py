"""Addresses of the HTML pages."""

from django.urls import include, path

from analytics import views
from analytics.alert_page import views as alert_page
from analytics.desk import collection, market, metrics, offers, operations, overview, preferences
from analytics.import_page import views as import_page

app_name = "analytics"
urlpatterns = [
    path("", overview.overview, name="home"),
    path("markets/<int:pk>/", market.market, name="market"),
    path("markets/<int:pk>/chart/", market.chart, name="market-chart"),
    path("markets/<int:pk>/price/", offers.price, name="market-price"),
    path("markets/<int:pk>/more/", offers.more, name="market-more"),
    path("collection/", collection.collection, name="collection"),
    path("collection/<int:pk>/", collection.source, name="source"),
    path("operations/", operations.operations, name="operations"),
    path("operations/<slug:kind>/<int:pk>/log/", operations.log, name="run-log"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("favourite/", preferences.favourite, name="favourite"),
    path("models/<int:pk>/", views.model_card, name="model-card"),
    path("", include("analytics.review.urls")),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("live/", views.live, name="live"),
    path("patterns/", views.patterns, name="patterns"),
    path("alerts/", alert_page.overview, name="alerts"),
    path("alerts/rules/new/", alert_page.new_rule, name="alert-rule-new"),
    path("alerts/channels/new/", alert_page.new_channel, name="alert-channel-new"),
    path("alerts/<slug:what>/<int:pk>/", alert_page.act, name="alert-act"),
    path("import/", import_page.send, name="import"),
    path("import/runs/<int:pk>/", import_page.run, name="import-run"),
    path("import/runs/<int:pk>/progress/", import_page.progress, name="import-progress"),
    path("import/runs/<int:pk>/rejects/", import_page.rejects, name="import-rejects"),
    path("import/<slug:token>/", import_page.look, name="import-file"),
]
