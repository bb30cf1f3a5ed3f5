"""Decisions about versions in words: what services.rivals found, for pages, tables and the API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.models import ModelEvent
from analytics.pages import charts

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
    "diebold_mariano": gettext_lazy("Diebold-Mariano on the CRPS of each origin"),
    "paired_block_bootstrap": gettext_lazy("paired block bootstrap"),
    "figures": gettext_lazy("a figure each"),
}
Row = tuple[str, str]


def verdict(figures: Mapping[str, Any]) -> str:
    """One sentence; an unknown word stands for itself."""
    word = figures.get("verdict") or ""
    return str(VERDICTS.get(word, word))


def comparison_rows(figures: Mapping[str, Any], name: str = "") -> list[Row]:
    """Label and text of what is known of a comparison; `name` is the version it was about."""
    rows: list[Row] = [(_("Verdict"), verdict(figures))] if figures.get("verdict") else []
    metric = figures.get("metric", "")
    if figures.get("challenger") is not None:
        ours, theirs = (charts.number(figures[k]) for k in ("challenger", "active"))
        rows.append((_("Shared stretch"), span(figures.get("from"), figures.get("until"))))
        rows.append((_("This version") + (f" ({name})" if name else ""), f"{metric} {ours}"))
        rival = figures.get("active_name") or f"#{figures.get('active_id')}"
        rows.append((_("Active version then") + f" ({rival})", f"{metric} {theirs}"))
        rows.append((_("Test"), test(figures)))
    if figures.get("champion_learned_until"):
        at = dt.datetime.fromisoformat(figures["champion_learned_until"])
        text = _("The active version learned until %(at)s, which leaves less to compare on.")
        rows.append((_("Note"), text % {"at": f"{at:%Y-%m-%d %H:%M} UTC"}))
    if figures.get("note"):
        rows.append((_("Note"), str(NOTES.get(figures["note"], figures["note"]))))
    if figures.get("why"):
        rows.append((_("Note"), str(figures["why"])))
    return rows


def test(figures: Mapping[str, Any]) -> str:
    """Method, rows, statistic and p-value."""
    method = str(METHODS.get(figures["method"], figures["method"]))
    parts = [method, f"n = {figures['n']}"]
    if figures.get("statistic") is not None:
        parts.append(f"t = {figures['statistic']:.2f}")
    if figures.get("low") is not None:
        parts.append(
            _("difference %(d)s (95 %%: %(low)s to %(high)s)")
            % {
                "d": f"{figures['difference']:+.4f}",
                "low": f"{figures['low']:+.4f}",
                "high": f"{figures['high']:+.4f}",
            }
        )
    if figures.get("p_value") is not None:
        parts.append(f"p = {figures['p_value']:.3f}")
    return ", ".join(parts)


def span(first: str | None, last: str | None) -> str:
    if not first or not last:
        return "–"
    ends = (dt.datetime.fromisoformat(text) for text in (first, last))
    return " – ".join(f"{at:%Y-%m-%d %H:%M}" for at in ends) + " UTC"


def decision(event: ModelEvent | None, name: str = "") -> dict[str, Any] | None:
    """A decision for a page or a table; None where none was taken on figures."""
    if event is None:
        return None
    return {
        "at": event.at,
        "action": event.get_action_display(),
        "by": event.by.username if event.by else (_("the policy") if event.automatic else ""),
        "reason": event.reason,
        "text": verdict(event.figures),
        "rows": comparison_rows(event.figures, name),
        "horizons": [
            {
                "steps": pair["steps"],
                "n": pair["n"],
                "champion": charts.number(pair["champion"]),
                "challenger": charts.number(pair["challenger"]),
            }
            for pair in event.figures.get("horizons") or []
        ],
    }
