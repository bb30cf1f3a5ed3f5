"""What became of versions after their training, and what the retraining policy says, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.models import TrainedModel, TrainingRun
from analytics.models.choices import Task
from analytics.pages.forecasts import REASONS
from analytics.pages.numbers import number
from analytics.retelling import retold
from analytics.words import word

ACTIONS = {
    "train": gettext_lazy("train"),
    "wait": gettext_lazy("wait"),
    "no": gettext_lazy("leave"),
}
#: By code of a decision, whatever its action; the fields are its figures.
CODES = {
    "drift": gettext_lazy("the active version drifted: %(reasons)s"),
    "expired": gettext_lazy("it expired: %(days)s days, the limit is %(limit_days)s"),
    "age": gettext_lazy("it was trained %(days)s days ago, the limit is %(limit_days)s"),
    "new_quotes": gettext_lazy("%(new_quotes)s new quotes; it learned from %(trained_on)s"),
    "no_quotes": gettext_lazy("no quote in the last %(limit_days)s days"),
    "nothing_new": gettext_lazy("no quote that it does not know"),
    "fresh": gettext_lazy("it is good as it is; trained %(days)s days ago"),
    "too_soon": gettext_lazy("the last training (run %(run_id)s) was too recent"),
    "open_run": gettext_lazy("it is being trained already (run %(run_id)s)"),
    "others_run": gettext_lazy("other trainings come first"),
    "not_enough_data": gettext_lazy("too few quotes: %(why)s"),
}
INPUTS = {
    "move": gettext_lazy("moves of the price"),
    "move_size": gettext_lazy("size of the moves"),
    "missing": gettext_lazy("share without a price"),
    "age": gettext_lazy("age of the quotes"),
}


def why(code: str, figures: Mapping[str, Any]) -> str:
    """A decision, or the reason of a run, as a sentence."""
    text = CODES.get(code)
    if text is None:
        return retold(str(figures.get("why", code)))
    told = dict(figures)
    if "why" in told:
        told["why"] = retold(str(told["why"]))
    if "reasons" in told:
        told["reasons"] = drift_reasons(told["reasons"])
    return str(text) % told


def decided(action: str, code: str, figures: Mapping[str, Any]) -> str:
    """A decision of the policy in a line."""
    because = figures.get("because")
    said = why(code, figures)
    if because:
        said = f"{said} ({TrainingRun.Reason(because).label})"
    return f"{ACTIONS[action]}: {said}"


def drift_reasons(codes: Iterable[str]) -> str:
    """Stable words of a drift, for people."""
    return "; ".join(_reason(code) for code in codes)


def _reason(code: str) -> str:
    if not code.startswith("input_"):
        return str(REASONS.get(code, code))
    return _("other than in its training: %(input)s") % {"input": input_name(code[6:])}


def input_name(name: str) -> str:
    """An input of `ml.measure_drift`, for people."""
    return str(INPUTS.get(name) or word(name))


def health_lines(model: TrainedModel) -> list[str]:
    """What speaks against a version by now; empty where nothing does."""
    lines = []
    if model.expired_at is not None:
        lines.append(_("expired: too old, or without the last weeks' quotes"))
    if model.drifted_at is not None:
        reasons = drift_reasons(model.drift.get("reasons", ()))
        lines.append(_("drifted: %(why)s") % {"why": reasons})
    return lines


def input_table(model: TrainedModel) -> dict[str, Any]:
    """Heads and lines of the last judgement of its inputs; no lines where there was none."""
    heads = [
        _("Input"),
        _("Effect (Wasserstein, in deviations)"),
        _("Usual within the training"),
        _("Shift (in deviations)"),
        _("PSI"),
        "",
    ]
    rows = model.drift.get("inputs") or ()
    lines = [
        [
            input_name(row["name"]),
            *(number(row[key]) for key in ("effect", "usual", "shift", "psi")),
            _("drifted") if row["drifted"] else "",
        ]
        for row in rows
    ]
    return {"heads": heads, "lines": lines}


def decision_line(market: str, task: str, said: str) -> str:
    """A decision with whom it is about."""
    return f"{market} {Task(task).label}: {said}"
