"""Versions in words: beside their baselines, and the decisions about them (what
services.registry.challengers found), for pages, tables and the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.models import ModelEvent, TrainedModel
from analytics.moments import moment
from analytics.pages.metrics import (
    baseline_name,
    metric_head,
    metric_hint,
    metric_name,
    metric_value,
)
from analytics.pages.numbers import written
from analytics.retelling import retold
from analytics.selectors.models import is_broken

VERDICTS = {
    "no_rival": gettext_lazy("It beats its baseline, and no other version was active."),
    "not_better_than_baseline": gettext_lazy("It does not beat its own baseline."),
    "no_shared_window": gettext_lazy(
        "There is no stretch of quotes that neither version has learned from."
    ),
    "rival_cannot_answer": gettext_lazy("The active version cannot answer on the shared stretch."),
    "clearly_better": gettext_lazy("Better than the active version, beyond chance."),
    "clearly_worse": gettext_lazy("Worse than the active version, beyond chance."),
    "newer_and_not_worse": gettext_lazy(
        "No difference beyond chance; it learned from newer quotes."
    ),
    "newer_but_worse": gettext_lazy(
        "It learned from newer quotes, but looks worse, though that may be chance."
    ),
    "not_clearly_better": gettext_lazy(
        "No difference beyond chance, and it learned from no newer quotes."
    ),
    "better_untested": gettext_lazy("Better by its figure; too few rows to test."),
    "not_better": gettext_lazy("Not better by its figure; too few rows to test."),
    "not_compared": gettext_lazy("It could not be compared."),
}
NOTES = {
    "other_grid": gettext_lazy("The two see grids of different steps: a figure each, no test."),
    "untested": gettext_lazy("Too few rows for a test, or a metric that has none."),
}
METHODS = {
    "diebold_mariano": gettext_lazy("Diebold-Mariano on the distribution error of each forecast"),
    "paired_block_bootstrap": gettext_lazy("paired block bootstrap"),
    "figures": gettext_lazy("a figure each"),
}
Row = tuple[str, str]


def against_baseline(model: TrainedModel) -> dict[str, str]:
    """The clear mark of a version: better than its baseline or not, with both figures."""
    better, broken = model.beats_baseline, is_broken(model)
    word = _("better") if better else _("not better")
    flaws = [
        (broken, _("broken")),
        (model.expired_at is not None, _("expired")),
        (model.drifted_at is not None, _("drifted")),
    ]
    flaw = next((said for is_so, said in flaws if is_so), None)
    return {
        "state": "good" if better and flaw is None else "bad",
        "sign": "✓" if better and flaw is None else "✗",
        "word": flaw or word,
        "metric": metric_name(model.primary_metric),
        "hint": metric_hint(model.primary_metric),
        "score": metric_value(model.primary_metric, model.score),
        "baseline": baseline_name(model.baseline),
        "baseline_score": metric_value(model.primary_metric, model.baseline_score),
    }


def metric_rows(model: TrainedModel) -> list[dict[str, str]]:
    """Every metric beside the baseline's, the one that decides first."""
    return [
        {
            "name": metric_head(name),
            "primary": name == model.primary_metric,
            "model": metric_value(name, model.metrics.get(name)),
            "baseline": metric_value(name, model.baseline_metrics.get(name)),
        }
        for name in model.metric_names()
    ]


def verdict(figures: Mapping[str, Any]) -> str:
    """One sentence; an unknown word stands for itself."""
    word = figures.get("verdict") or ""
    return str(VERDICTS.get(word, word))


def comparison_rows(figures: Mapping[str, Any], name: str = "") -> list[Row]:
    """Label and text of what is known of a comparison; `name` is the version it was about."""
    rows: list[Row] = [(_("Verdict"), verdict(figures))] if figures.get("verdict") else []
    if figures.get("challenger") is not None:
        metric = figures.get("metric", "")
        ours, theirs = (metric_value(metric, figures[k]) for k in ("challenger", "active"))
        rows.append((_("Shared stretch"), span(figures.get("from"), figures.get("until"))))
        what = metric_name(metric)
        rows.append((_("This version") + (f" ({name})" if name else ""), f"{what}: {ours}"))
        rival = figures.get("active_name") or f"#{figures.get('active_id')}"
        rows.append((_("Active version then") + f" ({rival})", f"{what}: {theirs}"))
        rows.append((_("Test"), test(figures)))
    if figures.get("champion_learned_until"):
        text = _("The active version learned until %(at)s, which leaves less to compare on.")
        rows.append((_("Note"), text % {"at": moment(figures["champion_learned_until"])}))
    if figures.get("note"):
        rows.append((_("Note"), str(NOTES.get(figures["note"], figures["note"]))))
    if figures.get("why"):
        rows.append((_("Note"), retold(str(figures["why"]))))
    return rows


def test(figures: Mapping[str, Any]) -> str:
    """Method, rows, statistic and p-value."""
    method = str(METHODS.get(figures["method"], figures["method"]))
    parts = [method, f"n = {figures['n']}"]
    if figures.get("statistic") is not None:
        parts.append(written(f"t = {figures['statistic']:.2f}"))
    if figures.get("low") is not None:
        parts.append(
            _("difference %(d)s (95 %%: %(low)s to %(high)s)")
            % {
                "d": written(f"{figures['difference']:+.4f}"),
                "low": written(f"{figures['low']:+.4f}"),
                "high": written(f"{figures['high']:+.4f}"),
            }
        )
    if figures.get("p_value") is not None:
        parts.append(written(f"p = {figures['p_value']:.3f}"))
    return ", ".join(parts)


def span(first: str | None, last: str | None) -> str:
    """A stretch of time between two ISO 8601 moments; a dash where one is unknown."""
    if not first or not last:
        return "–"
    return f"{moment(first)} – {moment(last)}"


def decision(event: ModelEvent | None, name: str = "") -> dict[str, Any] | None:
    """A decision for a page or a table; None where none was taken on figures."""
    if event is None:
        return None
    return {
        "at": event.at,
        "action": event.get_action_display(),
        "by": event.by.username if event.by else (_("the policy") if event.automatic else ""),
        "reason": event.why,
        "rows": comparison_rows(event.figures, name),
        "horizons": comparison_horizons(event.figures),
    }


def comparison_horizons(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Both versions at each horizon, as heads and lines of a table; no lines where none were."""
    what = metric_head("crps_h")
    return {
        "heads": [
            _("Steps"),
            _("%(metric)s, this version") % {"metric": what},
            _("%(metric)s, active version then") % {"metric": what},
            metric_head("n"),
        ],
        "lines": [
            [
                str(pair["steps"]),
                *(metric_value("crps_h", pair[who]) for who in ("challenger", "champion")),
                metric_value("n", pair["n"]),
            ]
            for pair in figures.get("horizons") or []
        ],
    }
