"""Imports of files that staff sent: at once where they are small, else by the worker. How a run
lives and ends is jobs/lifecycle.py, what an import does prices/importing.py. It writes every chunk
in a transaction of its own and is idempotent: killed at any instant, it is done again from the
start, and what was written already is found unchanged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

import ml
from analytics.conf import conf
from analytics.exceptions import AnalyticsError
from analytics.models import ImportRun
from analytics.selectors.runs import import_get
from analytics.services.jobs.kinds import JobKind, JobMessages, register
from analytics.services.jobs.lifecycle import (
    job_close,
    job_execute,
    job_listener,
    job_request,
)
from analytics.services.jobs.processes import this_process
from analytics.services.prices.importing import ImportReport, price_import, price_read
from analytics.services.prices.reading import ReadOptions
from analytics.services.prices.uploads import Upload, upload_get

#: Rows up to which whoever sent the file waits for its import: some seconds.
AT_ONCE_ROWS = 10_000


@dataclass(frozen=True)
class ImportProgress:
    """`stage` is reading or writing; `total` is unknown while reading."""

    stage: str
    done: int
    total: int | None

    @property
    def share(self) -> float:
        """0 to 1; reading counts for nothing, as nobody knows how much there is."""
        return self.done / self.total if self.total else 0.0


Listener = Callable[[ImportProgress], None]


def import_request(
    *,
    upload: Upload,
    options: Mapping[str, Any],
    requested_by: Any = None,
    enqueue: bool | None = None,
) -> ImportRun:
    """Make sure that the file can be read as `ReadOptions(**options)` say, insert a queued run and
    ring the queue's bell; short files are left to the caller's own process unless `enqueue` says
    otherwise (see `import_execute`).

    Raises InvalidInput as `read_quotes` does, or Conflict (import_open).
    """
    rows = price_read(upload.path, ReadOptions(**options)).rows
    queued = rows > AT_ONCE_ROWS if enqueue is None else enqueue
    mine = {} if queued else {"by_worker": False, **this_process()}
    return job_request(
        IMPORT,
        enqueue=queued,
        requested_by=requested_by,
        upload=upload.token,
        name=upload.name,
        size=upload.size,
        options=dict(options),
        language=translation.get_language() or "en",
        **mine,
    )


def import_start(*, upload: Upload, options: Mapping[str, Any], requested_by: Any) -> ImportRun:
    """Ask for an import, and do it here and now where the file is short. What is wrong with the
    file is raised, what goes wrong in the import stands in the run."""
    run = import_request(upload=upload, options=options, requested_by=requested_by)
    if run.by_worker:
        return run
    try:
        return import_execute(run_id=run.pk)
    except AnalyticsError:
        return import_get(run.pk)


def import_execute(*, run_id: int, listener: Listener | None = None) -> ImportRun:
    """Do a queued import in this process; see `job_execute`."""
    return job_execute(IMPORT, run_id=run_id, listener=listener)


def _import(run: ImportRun, listener: Listener | None) -> None:
    report = job_listener(run, listener, _facts, every=0.5)

    def tell(done: int, total: int | None) -> None:
        stage = "reading" if total is None else "writing"
        if not report(ImportProgress(stage, done, total)):
            raise ml.Cancelled(_("The import was cancelled."))

    try:
        with translation.override(run.language):
            upload = upload_get(run.upload)
            found = price_import(
                path=upload.path,
                options=ReadOptions(**run.options),
                rejects_dir=upload.rejects.parent,
                on_progress=tell,
            )
            few = "" if found.enough else _("Less than half of the rows could be used.")
    except AnalyticsError as error:
        job_close(run, status=ImportRun.Status.FAILED, code=error.code, message=error.message)
        raise
    status = ImportRun.Status.FAILED if few else ImportRun.Status.SUCCEEDED
    code = "few_usable" if few else ""
    told = {"report": _told(found), "progress": 1.0, "done": found.read}
    job_close(run, status=status, code=code, message=few, **told)


def _facts(progress: ImportProgress) -> dict[str, Any]:
    return {"stage": progress.stage, "done": progress.done, "progress": progress.share}


def _told(report: ImportReport) -> dict[str, Any]:
    """A report as JSON."""
    told = dataclasses.asdict(report)
    told["rejects_path"] = report.rejects_path is not None
    return told


IMPORT = register(
    JobKind(
        name="import",
        model=ImportRun,
        task_path="analytics.tasks.run_import",
        command="import_prices",
        log_name="import",
        get=import_get,
        work=_import,
        time_limit=lambda: conf().TRAIN_TIMEOUT,
        twin=("upload", "name"),
        twin_code="import_open",
        messages=JobMessages(
            twin=gettext_lazy("%(name)s is already being imported."),
            closed=gettext_lazy("Import %(id)s is already closed."),
            too_often=gettext_lazy("The import was started too often."),
            too_long=gettext_lazy("The import took longer than %(n)s s."),
            died=gettext_lazy("The process of the import died without a word."),
        ),
        fresh={"progress": 0.0, "done": 0},
    )
)
