"""Addresses of the pages on which people judge."""

from django.urls import path, re_path

from analytics.review import anomalies, runs, versions

_OF = "models/markets/<int:pk>/<slug:task>"
urlpatterns = [
    path("anomalies/", anomalies.listing, name="anomalies"),
    path("anomalies/settle/", anomalies.settle, name="anomalies-settle"),
    path("anomalies/<int:pk>/", anomalies.page, name="anomaly"),
    path("anomalies/<int:pk>/judge/", anomalies.judge, name="anomaly-judge"),
    path("anomalies/<int:pk>/chart/", anomalies.chart, name="anomaly-chart"),
    path("models/", versions.listing, name="models"),
    path("models/compare/", versions.compare, name="models-compare"),
    path(f"{_OF}/", versions.task, name="models-task"),
    path(f"{_OF}/live/", versions.live, name="models-live"),
    path(f"{_OF}/train/", runs.train, name="models-train"),
    path(f"{_OF}/backtest/", runs.backtest, name="models-backtest"),
    path(f"{_OF}/rollback/", versions.rollback, name="models-rollback"),
    re_path(
        r"^models/(?P<pk>\d{1,18})/(?P<what>promote|retire)/$", versions.decide, name="model-decide"
    ),
    path("models/<int:pk>/artifact/", versions.artifact, name="model-artifact"),
    path("models/runs/<int:pk>/", runs.page, name="model-run"),
    path("models/runs/<int:pk>/progress/", runs.progress, name="model-progress"),
    path("models/runs/<int:pk>/losses/", runs.losses, name="model-losses"),
    path("models/runs/<int:pk>/cancel/", runs.cancel, name="model-cancel"),
    path("models/backtests/<int:pk>/cancel/", runs.cancel_backtest, name="backtest-cancel"),
]
