"""Versions: who answers, which ones there are, and what people decide about them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from analytics.exceptions import AnalyticsError, InvalidInput, NotFound
from analytics.models import Market, TrainedModel
from analytics.models.choices import Task
from analytics.pages import cards
from analytics.pages.metrics import metric_lines
from analytics.pages.models import comparison_rows, decision, metric_rows
from analytics.pages.review import versions
from analytics.pages.review.compare import compared
from analytics.review.asked import number, person
from analytics.selectors.models import model_decision, model_get, model_previous
from analytics.selectors.prices import market_get, market_list
from analytics.selectors.runs import backtest_list
from analytics.selectors.versions import (
    judged_counts,
    live_daily,
    market_runs,
    runs_compared,
    task_states,
    version_list,
)
from analytics.services.registry.cards import model_card
from analytics.services.registry.export import model_pack
from analytics.services.registry.promotion import model_promote, model_retire, model_rollback
from p2p.access import acting, may_act, reader_required

#: Markets on a page of the list, days that live figures look back on, runs and backtests listed.
MARKETS, LIVE_DAYS, RUNS = 25, 90, 10
DECISIONS = {"promote": model_promote, "retire": model_retire}


@require_safe
@never_cache
@reader_required
def listing(request: HttpRequest) -> HttpResponse:
    """Every task of every market: who answers, against its baseline, what is being trained."""
    markets = market_list().order_by("asset", "fiat", "exchange")
    page = Paginator(markets, MARKETS).get_page(request.GET.get("page"))
    states = [versions.state_line(found) for found in task_states(list(page))]
    lines = [states[at : at + len(Task)] for at in range(0, len(states), len(Task))]
    return render(request, "analytics/models.html", {"markets": lines, "page": page})


@require_safe
@never_cache
@reader_required
def task(request: HttpRequest, pk: int, task: str) -> HttpResponse:
    """A task of a market: its versions, live figures, trainings and backtests."""
    market, name = of_market(pk), of_task(task)
    found = version_list(market, name)
    active = next((model for model in found if model.status == "active"), None)
    shown = active or next(iter(found), None)
    context = {
        **heading(market, name),
        **progress(market, name),
        "versions": [versions.version_line(model) for model in found],
        "shown": shown,
        "previous": model_previous(market.pk, name),
        "runs": [versions.run_line(run) for run in market_runs(market, name)[:RUNS]],
        "may_act": may_act(request, "change_trainedmodel"),
        **_answering(shown),
        **_live(market, name),
    }
    return render(request, "analytics/models_task.html", context)


@require_safe
@never_cache
@reader_required
def live(request: HttpRequest, pk: int, task: str) -> HttpResponse:
    """The part of that page that changes while something is computed."""
    context = progress(of_market(pk), of_task(task)) | {
        "may_act": may_act(request, "change_trainedmodel")
    }
    return render(request, "analytics/partials/progress.html", context)


def heading(market: Market, task: str) -> dict[str, Any]:
    """What pages of a task of a market have on top."""
    tasks = [{"name": name, "label": Task(name).label} for name in Task.values]
    return {"market": market, "task": task, "label": Task(task).label, "tasks": tasks}


def progress(market: Market, task: str) -> dict[str, Any]:
    """What is being computed for it now, and its backtests."""
    runs = [run for run in market_runs(market, task)[:RUNS] if run.is_open]
    tests = backtest_list().filter(market=market, task=task).defer("figures", "params")[:RUNS]
    lines = [versions.backtest_line(test) for test in tests]
    return {
        "open_runs": [versions.run_line(run) for run in runs],
        "open_tests": [line for line in lines if line["row"].is_open],
        "backtests": [line for line in lines if not line["row"].is_open],
        "tested": task in ("price", "spread"),
    }


def _answering(model: TrainedModel | None) -> dict[str, Any]:
    if model is None:
        return {}
    return {
        "serving": versions.serving(model),
        "metrics": metric_rows(model),
        "meanings": metric_lines(model.metric_names()),
        "decision": decision(model_decision(model), str(model)),
    }


def _live(market: Market, task: str) -> dict[str, Any]:
    """Of forecasts what became of them; of alarms what people said."""
    if task == Task.ANOMALY:
        return {"judged": versions.judged_lines(judged_counts(market))}
    since = timezone.now() - dt.timedelta(days=LIVE_DAYS)
    rows = live_daily(market, task, since=since) if task != Task.PATTERN else []
    return {"chart": versions.live_chart("live-figures", rows), "days": LIVE_DAYS}


# ------------------------------------------------------------------------------------- decisions
@never_cache
@acting("change_trainedmodel")
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    """Promote or retire a version: first what would happen, then, by POST, it does."""
    model = _model(pk)
    problem = None
    if request.method == "POST":
        more = {"force": bool(request.POST.get("force"))} if what == "promote" else {}
        try:
            reason = request.POST.get("reason", "").strip()[:1000]
            DECISIONS[what](model=model, by=person(request), reason=reason, **more)
        except AnalyticsError as error:
            problem = error
        else:
            messages.success(request, _done(what) % {"model": model})
            return redirect("analytics:models-task", model.market_id, model.task)
    return _confirm(request, model.market, model.task, what, model, problem)


@never_cache
@acting("change_trainedmodel")
@require_http_methods(["GET", "HEAD", "POST"])
def rollback(request: HttpRequest, pk: int, task: str) -> HttpResponse:
    """Bring back the version before: first which one that is, then, by POST, it is done."""
    market, name = of_market(pk), of_task(task)
    problem = None
    if request.method == "POST":
        try:
            reason = request.POST.get("reason", "").strip()[:1000]
            back = model_rollback(market=market, task=name, by=person(request), reason=reason)
        except AnalyticsError as error:
            problem = error
        else:
            messages.success(request, _done("rollback") % {"model": back})
            return redirect("analytics:models-task", market.pk, name)
    return _confirm(request, market, name, "rollback", model_previous(market.pk, name), problem)


def _confirm(
    request: HttpRequest,
    market: Market,
    task: str,
    what: str,
    model: TrainedModel | None,
    problem: AnalyticsError | None,
) -> HttpResponse:
    figures = problem.details.get("figures") if problem else None
    context = {
        **heading(market, task),
        "what": what,
        "line": versions.version_line(model_get(model.pk)) if model else None,
        "problem": problem,
        "reason": request.POST.get("reason", ""),
        "figures": comparison_rows(figures, str(model)) if figures else [],
    }
    return render(request, "analytics/decide.html", context, status=409 if problem else 200)


def _done(what: str) -> str:
    return {
        "promote": _("%(model)s answers from now on."),
        "retire": _("%(model)s is out of service."),
        "rollback": _("%(model)s answers again."),
    }[what]


@acting("change_trainedmodel")
@require_safe
def artifact(request: HttpRequest, pk: int) -> FileResponse:
    """The version as a zip: manifest, weights, model card."""
    model = _model(pk)
    try:
        name, packed = model_pack(model=model, card=cards.markdown(model_card(model)))
    except NotFound as error:
        raise Http404(error.message) from error
    return FileResponse(packed, as_attachment=True, filename=name, content_type="application/zip")


@require_safe
@never_cache
@reader_required
def compare(request: HttpRequest) -> HttpResponse:
    """Two runs or more side by side."""
    ids = [pk for text in request.GET.getlist("run") if (pk := number(text))]
    try:
        found = compared(runs_compared(ids))
    except (InvalidInput, NotFound) as error:
        status = 404 if isinstance(error, NotFound) else 400
        context = {"problem": error.message}
        return render(request, "analytics/models_compare.html", context, status=status)
    return render(request, "analytics/models_compare.html", found)


def of_market(pk: int) -> Market:
    """Raises Http404."""
    try:
        return market_get(str(pk))
    except NotFound as error:
        raise Http404(error.message) from error


def of_task(name: str) -> str:
    """Raises Http404."""
    if name not in Task.values:
        raise Http404(_("There is no task %(name)s.") % {"name": name})
    return name


def _model(pk: int) -> TrainedModel:
    try:
        return model_get(pk)
    except NotFound as error:
        raise Http404(error.message) from error
