"""How the server stands: worker, queue, disk, version, runs and their logs."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from analytics.exceptions import NotFound
from analytics.pages import operations as pages
from analytics.pages import runs
from analytics.selectors import dashboard
from analytics.services.jobs.kinds import job_kinds
from analytics.services.operations import operations_status, run_log, runs_latest, runs_logged
from p2p.access import acting, may_act, reader_required


@require_safe
@never_cache
@reader_required
def operations(request: HttpRequest) -> HttpResponse:
    """The page, for every reader; logs are for staff that may see runs."""
    found = operations_status()
    context = {
        "status": pages.status(found),
        "kinds": [
            pages.runs(kind.name, runs_latest(kind), runs_logged(kind)) for kind in job_kinds()
        ],
        "operates": may_act(request, "view_trainingrun"),
        **runs.panel(found["worker"], dashboard.runs_open(), dashboard.runs_failed_lately()),
    }
    return render(request, "analytics/operations.html", context)


@require_safe
@never_cache
@acting("view_trainingrun")
def log(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """The end of a run's log as plain text."""
    try:
        text = run_log(kind=kind, run_id=pk)
    except NotFound as error:
        raise Http404(error.message) from error
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
