"""Addresses of the pages on which people judge."""

from django.urls import path

from analytics.review import anomalies

urlpatterns = [
    path("anomalies/", anomalies.listing, name="anomalies"),
    path("anomalies/settle/", anomalies.settle, name="anomalies-settle"),
    path("anomalies/<int:pk>/", anomalies.page, name="anomaly"),
    path("anomalies/<int:pk>/judge/", anomalies.judge, name="anomaly-judge"),
    path("anomalies/<int:pk>/chart/", anomalies.chart, name="anomaly-chart"),
]
