"""What a process that was killed left undone: versions nobody decided on, folders nobody owns and
messages nobody needs. The worker's supervisor looks at every beat.

Each has its mark in the database (a candidate without a decision, a folder without a row, a message
of a closed run), so that nothing has to be remembered by the process that dies.
"""

from __future__ import annotations

import datetime as dt
import re

from django.utils import timezone

from analytics import artifacts, queue
from analytics.models import TrainedModel, TrainingRun
from analytics.selectors.models import model_undecided
from analytics.services.jobs.kinds import job_kinds
from analytics.services.jobs.processes import process_gone
from analytics.services.registry.promotion import model_consider

DECIDE_TASK = "analytics.tasks.decide_models"
#: Seconds that a living process may take to decide on the version that it trained.
PATIENCE = 90
#: artifacts.stage and artifacts.publish are given names of these forms (services.jobs.training).
_OF_RUN = re.compile(r"(?:run-|\w+-\d+-run)(?P<run>\d{1,18})-(?P<attempt>\d{1,4})")


def versions_undecided(*, now: dt.datetime | None = None) -> list[TrainedModel]:
    """Versions whose process died between their row and the decision, or takes too long over it."""
    limit = (now or timezone.now()) - dt.timedelta(seconds=PATIENCE)
    return [
        model
        for model in model_undecided()
        if process_gone(model.run) or (model.run.finished_at or model.trained_at) < limit
    ]


def versions_decide() -> int:
    """Decide on them, as their trainings would have; answers on how many. Loads models."""
    undecided = versions_undecided()
    for model in undecided:
        model_consider(model=model)
    return len(undecided)


def folders_sweep() -> list[str]:
    """Remove the folders of attempts that are over and left no version: staged ones, and published
    ones that were renamed into place but never got their row. Folders of runs that this database
    does not know are left alone: it may be another one's home. Answers the names."""
    owners = {folder: _OF_RUN.fullmatch(folder.name) for folder in artifacts.folders()}
    ids = {int(owner["run"]) for owner in owners.values() if owner is not None}
    # In this order: a run closes in the transaction that inserts its version.
    runs = {run.pk: run for run in TrainingRun.objects.filter(pk__in=ids).order_by()}
    known = set(TrainedModel.objects.values_list("artifact", flat=True))
    swept = []
    for folder, owner in owners.items():
        run = runs.get(int(owner["run"])) if owner is not None else None
        if owner is None or run is None or folder.name in known:
            continue
        attempt = int(owner["attempt"])
        at_work = run.status == TrainingRun.Status.RUNNING and run.attempts == attempt
        if not at_work and attempt <= run.attempts:
            artifacts.discard(folder)
            swept.append(folder.name)
    return swept


def messages_sweep() -> int:
    """Take messages of runs that are closed out of the queue; answers how many."""
    messages = queue.messages()
    done: list[int] = []
    for kind in job_kinds():
        runs = {key: ids[0] for key, path, ids in messages if path == kind.task_path}
        still = kind.runs.filter(pk__in=runs.values(), status__in=kind.model.OPEN)
        wanted = set(still.values_list("pk", flat=True))
        done += [key for key, run_id in runs.items() if run_id not in wanted]
    if done:
        queue.forget(done)
    return len(done)
