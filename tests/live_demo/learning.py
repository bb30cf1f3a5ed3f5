"""The last act: a version becomes too old, and the schedule has it trained anew."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from tests.live_demo.acts import Play

#: Days by which the demo dates the version back, so that the policy finds it too old.
AGED = 15


def retraining(play: Play) -> None:
    """The version is dated back, so that the policy finds it too old; the schedule does the
    rest."""
    from django.utils import timezone
    from django_q.models import Schedule

    from analytics.models import TrainedModel, TrainingRun
    from analytics.pages.learning import why

    back = dt.timedelta(days=AGED)
    for model in TrainedModel.objects.select_related("run"):
        TrainedModel.objects.filter(pk=model.pk).update(trained_at=model.trained_at - back)
        runs = TrainingRun.objects.filter(pk=model.run_id)
        runs.update(created_at=model.run.created_at - back)
    known = {row["id"] for row in play.server.rows("training-runs")}
    Schedule.objects.filter(name="retrain models").update(next_run=timezone.now())
    began = time.time()
    play.report.say(f"the version is dated {AGED} days back, and the schedule 'retrain models' due")

    def asked() -> Any:
        rows = play.server.rows("training-runs?ordering=-id")
        return next((row for row in rows if row["id"] not in known and row["reason"]), None)

    run = play.wait(asked)
    if run is None:
        play.report.note(
            "retraining asked for", False, f"no run within {time.time() - began:.0f} s"
        )
        return
    detail = play.server.api("GET", f"training-runs/{run['id']}")
    because = why(detail["reason"], detail["reason_figures"])
    took = time.time() - began
    text = f"run {run['id']} after {took:.1f} s, because {because} ({detail['reason']})"
    play.report.note("retraining asked for", True, text)

    def ended() -> Any:
        row = play.server.api("GET", f"training-runs/{run['id']}")
        return row if row["finished_at"] else None

    row = play.wait(ended) or {"status": "it has not ended", "error_message": ""}
    took = time.time() - began
    text = f"{row['status']} {row['error_message']}".strip() + f", {took:.1f} s after it was due"
    play.report.note("retraining ended", row["status"] == "succeeded", text)
