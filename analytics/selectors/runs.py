"""Reads of training runs, backtests and imports."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from analytics.exceptions import NotFound
from analytics.models import BacktestRun, ImportRun, TrainingRun


def run_list() -> QuerySet[TrainingRun]:
    """Training runs, newest first."""
    return TrainingRun.objects.select_related("market", "requested_by").order_by("-id")


def run_get(run_id: int) -> TrainingRun:
    """Raises NotFound (unknown_run)."""
    run = run_list().filter(pk=run_id).first()
    if run is None:
        raise NotFound(_("There is no training run %(id)s.") % {"id": run_id}, "unknown_run")
    return run


def backtest_list() -> QuerySet[BacktestRun]:
    """Backtests, newest first."""
    return BacktestRun.objects.select_related("market", "requested_by").order_by("-id")


def backtest_get(run_id: int) -> BacktestRun:
    """Raises NotFound (unknown_backtest)."""
    run = backtest_list().filter(pk=run_id).first()
    if run is None:
        raise NotFound(_("There is no backtest %(id)s.") % {"id": run_id}, "unknown_backtest")
    return run


def import_list() -> QuerySet[ImportRun]:
    """Imports, newest first."""
    return ImportRun.objects.select_related("requested_by").order_by("-id")


def import_get(run_id: int) -> ImportRun:
    """Raises NotFound (unknown_import)."""
    run = import_list().filter(pk=run_id).first()
    if run is None:
        raise NotFound(_("There is no import %(id)s.") % {"id": run_id}, "unknown_import")
    return run
