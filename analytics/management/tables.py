"""Answers as tables for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analytics.models import ModelEvent, Severity, TrainedModel
from analytics.notes import notes as noted
from analytics.pages.audit import audit_facts, audit_lines, audit_rows
from analytics.pages.metrics import metric_lines, metric_name
from analytics.pages.models import decision, verdict
from analytics.pages.numbers import decimals
from analytics.selectors.models import model_decision
from analytics.words import word


def _who(answer: dict[str, Any]) -> str:
    model = answer["model"]
    if model["source"] == "baseline":
        return _("baseline %(name)s (no version beats it)") % {"name": model["name"]}
    return f"{model['family']} v{model['version']}"


def forecast_table(answer: dict[str, Any]) -> RenderableType:
    """Horizons down, value and intervals across."""
    spread = "predicted_spread_pct" in answer
    fiat = answer["market"].split("/")[1].split("@")[0]
    key, unit = ("spread_pct", "%") if spread else ("price", fiat)
    title = _("%(what)s of %(market)s as of %(at)s by %(who)s") % {
        "what": _("Spread") if spread else _("Price"),
        "market": answer["market"],
        "at": f"{answer['as_of']:%Y-%m-%d %H:%M}Z",
        "who": _who(answer),
    }
    table = Table(title=title, title_justify="left")
    for head in (_("in"), _("at (UTC)"), f"{_('expected')} ({unit})", "80 %", "90 %"):
        table.add_column(head, justify="right")
    places = decimals(answer["last_value"])
    for row in answer["horizons"]:
        q = row["quantiles"]
        table.add_row(
            f"{row['minutes'] / 60:g} h",
            f"{row['at']:%m-%d %H:%M}",
            f"{row[key]:.{places}f}",
            f"{q['0.1']:.{places}f} .. {q['0.9']:.{places}f}",
            f"{q['0.05']:.{places}f} .. {q['0.95']:.{places}f}",
        )
    notes = [Text(_("last value %(v)s") % {"v": f"{answer['last_value']:.{places}f}"})]
    if answer["novelty"] is not None:
        notes.append(
            Text(
                _("novelty %(n).2f (1 is the edge of the training data)") % {"n": answer["novelty"]}
            )
        )
    if answer["stale"]:
        notes.append(Text(_("The last quote is old: this forecast is about that moment.")))
    return Group(table, *notes, *(Text(n) for n in noted(answer["notes"])))


def anomaly_table(answer: dict[str, Any], *, most: int = 20) -> RenderableType:
    """The latest events, newest first, each by its strangest row."""
    if answer["needed"] is not None:
        text = _("Warming up: %(present)s of the %(needed)s readings that a scan needs.")
        return Text(text % answer)
    title = _(
        "%(events)s events (%(n)s strange rows) of %(market)s by %(who)s (threshold %(t)g)"
    ) % {
        "events": len(answer["events"]),
        "n": answer["count"],
        "market": answer["market"],
        "who": _who(answer),
        "t": answer["threshold"],
    }
    table = Table(title=title, title_justify="left")
    heads = (
        "id",
        _("start (UTC)"),
        _("end (UTC)"),
        _("rows"),
        _("score"),
        _("severity"),
        _("kind"),
        _("in words"),
    )
    for head in heads:
        table.add_column(head)
    for row in reversed(answer["events"][-most:]):
        table.add_row(
            str(row["id"] or ""),
            f"{row['start']:%Y-%m-%d %H:%M}",
            _("open") if row["open"] else f"{row['end']:%m-%d %H:%M}",
            str(row["rows"]),
            f"{row['score']:.3f}",
            str(Severity(row["severity"]).label),
            word(row["kind"]),
            row["text"],
        )
    warming = [Text(_("Still warming up: too little history."))] if answer["warming_up"] else []
    return Group(table, *warming)


def pattern_table(answer: dict[str, Any]) -> RenderableType:
    """The current pattern with distributions and held names, and what followed similar days."""
    now = answer["current"]
    name = word(now["label"])
    if not now["clear"]:
        name = _("no clear pattern (%(l)s)") % {"l": name}
    line = Text(
        f"{answer['market']} {now['as_of']:%Y-%m-%d %H:%M}Z: {name}, "
        f"{now['probability']:.0%} ({_who(answer)})"
    )
    table = Table()
    for title in (_("aspect"), _("distribution"), _("held name"), _("since (UTC)")):
        table.add_column(title)
    for head, shares in now["heads"].items():
        held = now["held"].get(head)
        table.add_row(
            word(head),
            "  ".join(f"{word(k)} {v:.0%}" for k, v in shares.items()),
            word(held["name"]) if held else "",
            f"{held['since']:%Y-%m-%d %H:%M}" if held else "",
        )
    past = [
        Text(f"{p['as_of']:%Y-%m-%d %H:%M}Z {word(p['label'])} {p['probability']:.0%}")
        for p in answer["history"]
    ]
    return Group(line, table, *_analogue_table(answer["analogues"]), *past)


def _analogue_table(found: dict[str, Any] | None) -> list[RenderableType]:
    if found is None:
        return []
    title = _("the next day after %(n)d similar moments") % {"n": found["count"]}
    table = Table(title=title, title_justify="left")
    for head in (_("share below"), _("after similar"), _("after any")):
        table.add_column(head, justify="right")
    for level, move in found["quantiles"].items():
        pair = (move, found["any_quantiles"][level])
        table.add_row(f"{float(level):.0%}", *(f"{math.expm1(m):+.2%}" for m in pair))
    if found["proven"]:
        return [table]
    text = _("Not shown to tell more than a random choice of the same regime: an illustration.")
    return [table, Text(text)]


def model_table(models: Iterable[TrainedModel], *, brief: bool = False) -> Table:
    """Versions with their metric beside the baseline's; `brief` is for versions of one market."""
    table = Table()
    heads = [_("task"), _("version"), _("status"), _("metric"), _("model"), _("baseline"), ""]
    more = [] if brief else [_("market"), _("trained (UTC)")]
    for number, head in enumerate(["id", *heads, _("seconds"), *more]):
        # In a narrow terminal words are folded, never cut; the id and the figures stay whole.
        whole = number in (0, 5, 6)
        table.add_column(
            head, no_wrap=whole, overflow="fold", min_width=(2, 8)[number > 0] if whole else None
        )
    for m in models:
        mark = "✓" if m.beats_baseline else "✗"
        table.add_row(
            str(m.pk),
            m.task,
            str(m),
            m.status,
            metric_name(m.primary_metric),
            f"{m.score:.4f} {mark}",
            f"{m.baseline_score:.4f}",
            m.baseline,
            f"{m.run.seconds:.0f}" if m.run.seconds is not None else "",
            *([] if brief else [m.market.symbol, f"{m.trained_at:%Y-%m-%d %H:%M}"]),
        )
    return table


def metric_notes(models: Iterable[TrainedModel]) -> list[Text]:
    """What the metrics of these versions mean, a line each."""
    names = dict.fromkeys(model.primary_metric for model in models)
    return [Text(line) for line in metric_lines(names)]


def decision_lines(models: Iterable[TrainedModel]) -> list[Text]:
    """A line per version about which something was decided on figures."""
    lines = []
    for m in models:
        event = model_decision(m)
        if event is None:
            continue
        figures = event.figures
        line = f"#{m.pk} {m}: {verdict(figures)}"
        if figures.get("challenger") is not None:
            line += f" {figures['challenger']:.4f} / {figures['active']:.4f}"
        if figures.get("p_value") is not None:
            line += f", p = {figures['p_value']:.3f}"
        lines.append(Text(line))
    return lines


def decision_table(event: ModelEvent, name: str) -> RenderableType:
    """What was decided about a version and on which figures."""
    found = decision(event, name)
    table = Table(title=f"{found['action']}: {event.label}", title_justify="left")
    table.add_column(_("measure"))
    table.add_column(_("value"))
    for label, text in found["rows"]:
        table.add_row(label, text)
    horizons = found["horizons"]
    if not horizons["lines"]:
        return table
    return Group(table, plain_table(horizons["heads"], horizons["lines"]))


def plain_table(heads: list[str], lines: list[list[str]], title: str | None = None) -> Table:
    """A table of figures, as analytics.pages makes them."""
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, justify="right")
    for line in lines:
        table.add_row(*line)
    return table


def audit_table(answer: dict[str, Any]) -> RenderableType:
    """Measures down, findings below, worst first."""
    table = Table(title=_("Quotes of %(m)s") % {"m": answer["market"]}, title_justify="left")
    table.add_column(_("measure"))
    table.add_column(_("value"), justify="right")
    for label, text in [*audit_facts(answer), *audit_rows(answer)]:
        table.add_row(label, text)
    return Group(table, *(Text(line) for line in audit_lines(answer)))
