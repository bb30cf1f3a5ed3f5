"""Many backtests, and the tries of a tuning, as tables for the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from rich.table import Table

from analytics.models import BacktestRun
from analytics.pages.metrics import metric_name, metric_value
from analytics.retelling import retold
from analytics.services.jobs.backtest_many import AskedBacktest, backtest_summary
from analytics.services.learning.trials import Faced, Trial, TuneAsk, Tuned

#: Figures of a backtest -> raw name of the metric.
_FIGURES = {"crps_skill": "crps", "skill": "mae", "cov90": "cov90_h"}


def asked_table(asked: Iterable[AskedBacktest]) -> Table:
    """Which backtest is which run, and why there is none."""
    table = _table(_("market"), _("family"), _("from"), _("to"), _("run"), _("why not"))
    for one in asked:
        run = str(one.run.pk) if one.run else ""
        table.add_row(*_what(one), run, retold(one.message))
    return table


def figures_table(asked: Iterable[AskedBacktest]) -> Table:
    """What each found; rows that were not asked for say why."""
    heads = [metric_name(name) for name in _FIGURES.values()]
    table = _table(_("market"), _("family"), _("from"), _("to"), _("run"), _("status"), *heads, "")
    for one in asked:
        run = one.run
        figures = backtest_summary(run) if run else {}
        status = run.get_status_display() if run else ""
        cells = [_cell(figures, *pair) for pair in _FIGURES.items()]
        why = run.error_message if run else one.message
        table.add_row(*_what(one), str(run.pk) if run else "", status, *cells, retold(why))
    return table


def _what(one: AskedBacktest) -> list[str]:
    bounds = [f"{moment:%Y-%m-%d %H:%M}" for moment in one.window]
    return [one.market.symbol, one.family, *bounds]


def _cell(figures: Mapping[str, float | None], name: str, metric: str) -> str:
    value = figures.get(name)
    return "" if value is None else metric_value(metric, value)


def trial_line(trial: Trial, total: int) -> str:
    """One try as it is done."""
    if trial.skill is None:
        return f"{trial.number}/{total}: {_values(trial.params)}: {retold(trial.why)}"
    line = f"{trial.number}/{total}: {_values(trial.params)}: {trial.skill:.4f}"
    return " ".join([line, _("(known)")]) if trial.known else line


def trials_table(tuned: Tuned) -> Table:
    """Every try, best first; the default is number 0."""
    names = list(tuned.default.params)
    table = _table("#", *names, metric_name("crps"), _("run"), "")
    unknown = float("inf")
    ranked = sorted(tuned.trials, key=lambda t: unknown if t.skill is None else t.skill)
    for trial in ranked:
        skill = "" if trial.skill is None else f"{trial.skill:.4f}"
        run: BacktestRun | None = trial.run
        values = [_value(trial.params[name]) for name in names]
        note = _("default") if trial is tuned.default else retold(trial.why)
        table.add_row(str(trial.number), *values, skill, str(run.pk) if run else "", note)
    return table


def verdict_lines(ask: TuneAsk, tuned: Tuned) -> list[str]:
    """What the best is worth, on the window it was chosen by and on the later one."""
    if tuned.chosen is None:
        return [_("Nothing that was tried is better than the default; train with that.")]
    on_chosen = {
        "better": _(
            "On the window that it was chosen by it is better than the default beyond chance; the "
            "best of many looks better there than it is."
        ),
        "worse": _("On the window that it was chosen by it is worse than the default by origin."),
        "alike": _("Even on the window that it was chosen by it is within noise of the default."),
        "untested": _("On the window that it was chosen by the difference cannot be tested."),
    }
    lines = [_face(on_chosen[tuned.chosen.verdict], tuned.chosen)]
    if tuned.confirmed is None:
        lines.append(_("Nothing later was looked at; --confirm-until does so."))
    else:
        on_later = {
            "better": _("The gain held on the later window, beyond chance."),
            "worse": _("The gain did not hold: on the later window it is worse than the default."),
            "alike": _("On the later window it is within noise of the default."),
            "untested": _("On the later window the difference cannot be tested."),
        }
        lines.append(_face(on_later[tuned.confirmed.verdict], tuned.confirmed))
    params = {**tuned.kept, **tuned.best.params}
    words = [f"--param {name}={_value(value)}" for name, value in params.items()]
    command = f"manage.py train_model {ask.task} --market {shlex.quote(ask.market.symbol)}"
    lines.append(f"{command} --family {tuned.family} {' '.join(words)}")
    return lines


def _face(said: str, faced: Faced) -> str:
    best, default = faced.best.skill, faced.default.skill
    if best is not None and default is not None:
        figures = {"best": f"{best:.4f}", "default": f"{default:.4f}"}
        told = [_("best %(best)s, default %(default)s") % figures]
        told += [f"p = {faced.p_value:.3f}"] if faced.p_value is not None else []
        said += f" ({', '.join(told)})"
    return f"{said} {retold(faced.why)}".strip()


def _table(*heads: str) -> Table:
    table = Table()
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def _values(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in params.items())


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
