"""A file is sent, looked at, decided about, imported."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from analytics.exceptions import AnalyticsError, Conflict, InvalidInput, NotFound
from analytics.import_page import form, words
from analytics.models import ImportRun
from analytics.selectors.dashboard import market_choices
from analytics.selectors.runs import import_get, import_list
from analytics.services.jobs.imports import import_start
from analytics.services.jobs.lifecycle import job_cancel
from analytics.services.prices.previewing import import_preview
from analytics.services.prices.uploads import (
    Upload,
    most_bytes,
    too_large,
    upload_get,
    upload_store,
)
from analytics.services.status import worker_status
from p2p.access import acting

#: Runs that the page lists.
LISTED = 10
#: What a form holds beside its file.
_FORM_BYTES = 64 * 1024


@csrf_exempt  # only until the size is known: the check reads the whole body
@never_cache
@acting("change_pricehistory")
@require_http_methods(["GET", "HEAD", "POST"])
def send(request: HttpRequest) -> HttpResponse:
    """The form that sends a file, and the last imports."""
    if request.method != "POST":
        return _send_page(request)
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > most_bytes() + _FORM_BYTES:
        return _send_page(request, too_large())
    return _receive(request)


@csrf_protect
def _receive(request: HttpRequest) -> HttpResponse:
    sent = request.FILES.get("file")
    try:
        if sent is None:
            missing = {"file": _("must be given")}
            raise InvalidInput(_("Choose a file."), "no_file", missing)
        upload = upload_store(chunks=sent.chunks(), name=sent.name or "")
    except InvalidInput as error:
        return _send_page(request, error)
    market = request.POST.get("market", "").strip()
    return _to_file(upload, {"market": market} if market else {})


def _send_page(request: HttpRequest, problem: InvalidInput | None = None) -> HttpResponse:
    context = {
        "problem": problem.message if problem else "",
        "most_mb": most_bytes() // 1024**2,
        "markets": [market.symbol for market in market_choices()],
        "runs": [words.line(row) for row in import_list()[:LISTED]],
    }
    status = 200 if problem is None else 413 if problem.code == "too_big" else 400
    return render(request, "analytics/import.html", context, status=status)


@never_cache
@acting("change_pricehistory")
@require_http_methods(["GET", "HEAD", "POST"])
def look(request: HttpRequest, token: str) -> HttpResponse:
    """What a file would become, with every decision as a choice; POST imports it."""
    upload = _upload(token)
    given = request.POST if request.method == "POST" else request.GET
    if given.get("choose"):
        return _to_file(upload, form.chosen(given.dict(), given["choose"]))
    try:
        options = form.options_of(given.dict())
        if request.method == "POST":
            made = import_start(upload=upload, options=options, requested_by=_who(request))
            return redirect("analytics:import-run", pk=made.pk)
        preview = import_preview(path=upload.path, options=options)
    except Conflict as twin:  # it is being imported already: there it is
        return redirect("analytics:import-run", pk=twin.details["run_id"])
    except AnalyticsError as error:
        if request.method == "POST":
            return _to_file(upload, given.dict())
        preview = words.stopped(error)
    context = {
        "upload": upload,
        "form": form.controls(preview, given.dict()),
        "markets": [market.symbol for market in market_choices()],
        **words.preview(preview),
    }
    return render(request, "analytics/import_file.html", context)


def _who(request: HttpRequest) -> Any:
    return request.user if request.user.is_authenticated else None


def _upload(token: str) -> Upload:
    try:
        return upload_get(token)
    except NotFound as error:
        raise Http404(error.message) from error


def _to_file(upload: Upload, options: dict[str, str]) -> HttpResponseRedirect:
    """To the page of the file, with what is chosen in its address."""
    address = reverse("analytics:import-file", args=[upload.token])
    query = urlencode({name: options[name] for name in form.NAMES if options.get(name)})
    return HttpResponseRedirect(f"{address}?{query}" if query else address)


@never_cache
@acting("change_pricehistory")
@require_http_methods(["GET", "HEAD", "POST"])
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """How far an import is, or what it did; POST cancels it."""
    row = _run(pk)
    if request.method == "POST":
        with suppress(AnalyticsError):  # it was over: the page says so
            job_cancel(run=row, by=_who(request))
        return redirect("analytics:import-run", pk=pk)
    return render(request, "analytics/import_run.html", _told(row))


@require_safe
@never_cache
@acting("change_pricehistory")
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of that page that changes; static/analytics/live.js asks for it."""
    return render(request, "analytics/partials/import-progress.html", _told(_run(pk)))


def _told(row: ImportRun) -> dict[str, Any]:
    alive = not row.is_open or not row.by_worker or worker_status()["alive"]
    return {"run": words.line(row), "report": words.report(row), "worker_alive": alive}


def _run(pk: int) -> ImportRun:
    try:
        return import_get(pk)
    except NotFound as error:
        raise Http404(error.message) from error


@require_safe
@acting("change_pricehistory")
def rejects(request: HttpRequest, pk: int) -> FileResponse:
    """The rows that an import could not use, with the reasons, as csv."""
    path = _upload(_run(pk).upload).rejects
    if not path.is_file():
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)
