"""Long work that people start and follow: trainings and backtests."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from analytics.exceptions import AnalyticsError, NotFound
from analytics.models import BacktestRun, TrainingRun
from analytics.pages.charts import Chart
from analytics.pages.review import versions
from analytics.pages.review.compare import compared_parameters
from analytics.pages.runs import loss_chart, other_markets
from analytics.review import forms
from analytics.review.asked import number, person
from analytics.review.fresh import chart_if_new
from analytics.review.versions import heading, of_market, of_task
from analytics.selectors.runs import backtest_get, run_get
from analytics.selectors.versions import market_runs
from analytics.services.jobs.backtests import backtest_request
from analytics.services.jobs.lifecycle import job_cancel
from analytics.services.jobs.training import training_request
from analytics.services.operations import run_log
from analytics.services.prices.history import last_moment
from analytics.services.registry.families import family_list
from p2p.access import acting, may_act, reader_required

#: Days before the newest quote that a backtest covers unless somebody says otherwise.
TESTED_DAYS = 30
#: Lines of its log that the page of a run shows; the whole is one click away.
LOG_LINES = 40


@never_cache
@acting("change_trainingrun")
@require_http_methods(["GET", "HEAD", "POST"])
def train(request: HttpRequest, pk: int, task: str) -> HttpResponse:
    """Ask for a training: a family, its parameters as a form; ?run= takes those of a run."""
    market, name = of_market(pk), of_task(task)
    families = [one for one in family_list() if one["task"] == name]
    given = request.POST if request.method == "POST" else request.GET
    before = _parameters_of(given.get("run"), name)
    chosen = given.get("family") or (before.family if before else "")
    family = next((one for one in families if one["name"] == chosen), families[0])
    initial = before.config if before and before.family == family["name"] else {}
    posted = request.POST if request.method == "POST" else None
    form = forms.train_form(family["parameters"], posted, initial)
    if posted is not None and form.is_valid():
        more = {key: form.cleaned_data[key] for key in forms.MORE}
        try:
            run = training_request(
                market=market,
                task=name,
                family=family["name"],
                params=forms.parameters(form),
                requested_by=person(request),
                **more,
            )
        except AnalyticsError as error:
            forms.refused(form, error)
        else:
            return redirect("analytics:model-run", run.pk)
    context = {
        **heading(market, name),
        "form": form,
        "families": families,
        "family": family["name"],
        "before": before,
    }
    return render(request, "analytics/train.html", context, status=400 if form.is_bound else 200)


def _parameters_of(text: str | None, task: str) -> TrainingRun | None:
    try:
        run = run_get(number(text) or 0)
    except NotFound:
        return None
    return run if run.task == task else None


@never_cache
@acting("change_backtestrun")
@require_http_methods(["GET", "HEAD", "POST"])
def backtest(request: HttpRequest, pk: int, task: str) -> HttpResponse:
    """Ask for a backtest of a forecast."""
    market, name = of_market(pk), of_task(task)
    if name not in BacktestRun.Task.values:
        raise Http404
    form = forms.BacktestForm(request.POST or None, initial=_last_days(market))
    if form.is_valid():
        asked = form.cleaned_data
        every = asked["refit_every"]
        try:
            backtest_request(
                market=market,
                task=name,
                start=_midnight(asked["start"]),
                end=_midnight(asked["end"]),
                refit_every=f"{every}d" if every else None,
                origin_step=asked["origin_step"],
                requested_by=person(request),
            )
        except AnalyticsError as error:
            forms.refused(form, error)
        else:
            messages.success(request, _("The backtest waits for the worker."))
            return redirect("analytics:models-task", market.pk, name)
    context = {**heading(market, name), "form": form}
    status = 400 if form.is_bound else 200
    return render(request, "analytics/backtest.html", context, status=status)


def _last_days(market: Any) -> dict[str, dt.date]:
    try:
        end = timezone.localdate(last_moment(market))
    except AnalyticsError:
        return {}
    return {"start": end - dt.timedelta(days=TESTED_DAYS), "end": end}


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


# ------------------------------------------------------------------------------------------ a run
@require_safe
@never_cache
@reader_required
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """A training: how far it is, its losses, what it was asked for and what became of it."""
    run = _run(pk)
    context = {
        **heading(run.market, run.task),
        **_told(run),
        "chart": _losses(run),
        "parameters": compared_parameters([run]),
        "others": other_markets(run.others),
        "earlier": _earlier(run),
        "may_act": may_act(request, "change_trainingrun"),
        "log": _log(request, run),
    }
    return render(request, "analytics/model_run.html", context)


@require_safe
@never_cache
@reader_required
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of that page that changes; static/analytics/live.js asks for it."""
    context = _told(_run(pk)) | {"may_act": may_act(request, "change_trainingrun")}
    return render(request, "analytics/partials/run-progress.html", context)


@require_safe
@reader_required
def losses(request: HttpRequest, pk: int) -> HttpResponse:
    """The chart of its losses as JSON; with If-None-Match only if another epoch was done."""
    run = _run(pk)
    told = f"{run.pk}-{run.attempts}-{len(run.losses)}"
    return chart_if_new(request, told, lambda: _losses(run))


@require_POST
@acting("change_trainingrun")
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel a training."""
    run = _run(pk)
    _cancel(request, run)
    return redirect("analytics:model-run", run.pk)


@require_POST
@acting("change_backtestrun")
def cancel_backtest(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel a backtest."""
    try:
        run = backtest_get(pk)
    except NotFound as error:
        raise Http404(error.message) from error
    _cancel(request, run)
    return redirect("analytics:models-task", run.market_id, run.task)


def _cancel(request: HttpRequest, run: TrainingRun | BacktestRun) -> None:
    try:
        job_cancel(run=run, by=person(request))
    except AnalyticsError as error:  # it was over
        messages.error(request, error.message)
    else:
        messages.success(request, _("It is cancelled, or will be at its next report."))


def _log(request: HttpRequest, run: TrainingRun) -> str:
    """The end of what its process wrote, for those who may see it; nothing where none is kept."""
    if not may_act(request, "view_trainingrun"):
        return ""
    try:
        text = run_log(kind="training", run_id=run.pk)
    except NotFound:
        return ""
    return "\n".join(text.splitlines()[-LOG_LINES:])


def _told(run: TrainingRun) -> dict[str, Any]:
    return {"line": versions.run_line(run), "has_losses": bool(run.losses)}


def _losses(run: TrainingRun) -> Chart | None:
    chart = loss_chart(f"losses-{run.pk}", run.losses)
    if chart is None or not run.is_open:
        return chart
    return replace(chart, url=reverse("analytics:model-losses", args=[run.pk]))


def _earlier(run: TrainingRun) -> TrainingRun | None:
    """The run to compare with: the last one before it that succeeded."""
    rows = market_runs(run.market, run.task).filter(pk__lt=run.pk)
    return rows.filter(status=TrainingRun.Status.SUCCEEDED).first()


def _run(pk: int) -> TrainingRun:
    try:
        return run_get(pk)
    except NotFound as error:
        raise Http404(error.message) from error
