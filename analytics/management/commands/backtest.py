"""Backtest the price or spread forecasts of a market, here and now or by the worker."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import translation
from django.utils.translation import gettext as _
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from analytics.management.base import (
    FaceCommand,
    add_market,
    add_params,
    end_on_terminate,
    moment,
    params_of,
)
from analytics.management.tables import plain_table
from analytics.models import BacktestRun
from analytics.pages.backtests import backtest_table, markets_learned_from, report_page
from analytics.retelling import retold
from analytics.selectors.prices import market_get
from analytics.services.jobs.backtest_files import (
    BacktestParts,
    Delivery,
    backtest_deliver,
    backtest_folder,
    backtest_parts,
)
from analytics.services.jobs.backtest_plans import backtest_of_files
from analytics.services.jobs.backtests import backtest_execute, backtest_request
from analytics.words import stage


class Command(FaceCommand):
    help = (
        "Forecast every moment from A to B with a model that learned before A, and measure it "
        "beside baselines. A backtest that was killed goes on where it was when asked for again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--task", choices=BacktestRun.Task.values)
        add_market(parser)
        parser.add_argument("--family", help="Model family; the task's own by default.")
        parser.add_argument("--from", dest="start", type=moment, metavar="A", help="UTC")
        parser.add_argument("--to", dest="end", type=moment, metavar="B", help="UTC; a date is 0 h")
        parser.add_argument("--refit-every", metavar="DAYS", help="e.g. 30d; fitted once without.")
        parser.add_argument("--origin-step", type=int, default=1, metavar="N")
        parser.add_argument("--step", type=int, metavar="MINUTES", help="The market's by default.")
        parser.add_argument("--predictions", type=Path, metavar="FILE", help="csv or csv.gz")
        parser.add_argument("--report", type=Path, metavar="DIR", help="HTML, PNG and figures.")
        parser.add_argument(
            "--language",
            choices=[code for code, _name in settings.LANGUAGES],
            default=settings.LANGUAGE_CODE,
            help="Of the report, and of what is said here; the setting LANGUAGE_CODE without.",
        )
        parser.add_argument(
            "--data",
            type=Path,
            nargs="+",
            metavar="FILE",
            help="Files instead of the database; they hold no other market.",
        )
        add_params(parser, help="Of the family.")
        parser.add_argument("--queue", action="store_true", help="Leave it to the worker.")
        parser.add_argument("--run", type=int, help="Execute this queued one (the worker does so).")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(options["language"]):
            self._do(options)

    def _do(self, options: dict[str, Any]) -> None:
        end_on_terminate()
        if options["run"] is not None:
            self._say(backtest_execute(run_id=options["run"]))
            return
        missing = [f"--{n}" for n, k in _NEEDED.items() if options[k] is None]
        if missing:
            raise CommandError(_("These are needed: %(names)s.") % {"names": ", ".join(missing)})
        asked = {name: options[name] for name in ("task", "family", "start", "end", "refit_every")}
        asked |= {"origin_step": options["origin_step"], "step_minutes": options["step"]}
        asked["params"] = params_of(options["param"])
        if options["data"]:
            self._figures(self._of_files(asked, options))
            return
        run = backtest_request(
            market=market_get(options["market"]), enqueue=options["queue"], **asked
        )
        if options["queue"]:
            self.stdout.write(_("Backtest %(id)s is queued.") % {"id": run.pk})
            return
        with _Bar(self) as show:
            run = backtest_execute(run_id=run.pk, listener=show)
        self._say(run)
        backtest_deliver(backtest_folder(run), _files(options))
        self._figures(backtest_parts(run))

    def _of_files(self, asked: dict[str, Any], options: dict[str, Any]) -> BacktestParts:
        with _Bar(self) as show:
            return backtest_of_files(
                paths=options["data"],
                market=options["market"],
                files=_files(options),
                on_progress=show,
                **asked,
            )

    def _say(self, run: BacktestRun) -> None:
        line = f"Backtest {run.pk}: {run.status}. {retold(run.error_message)}".strip()
        if run.status != BacktestRun.Status.SUCCEEDED:
            raise CommandError(line)
        self.stdout.write(line)

    def _figures(self, parts: BacktestParts) -> None:
        title = _("Clean targets, a line per horizon; in brackets the interval (95 %)")
        self.console().print(plain_table(*backtest_table(parts.figures), title))
        if parts.others is not None:
            self.stdout.write(markets_learned_from(parts.others))


_NEEDED = {"task": "task", "from": "start", "to": "end"}


def _files(options: dict[str, Any]) -> Delivery:
    return Delivery(predictions=options["predictions"], report=options["report"], page=_page)


def _page(parts: BacktestParts) -> str:
    return report_page(**vars(parts))


class _Bar:
    """A progress bar as a context; what it gives is the listener."""

    def __init__(self, command: FaceCommand) -> None:
        columns = (
            TextColumn("{task.description:<24}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
        )
        self.bars = Progress(*columns, TimeRemainingColumn(), console=command.console())

    def __enter__(self) -> Any:
        self.bars.start()
        bar = self.bars.add_task(_("starting"), total=1.0)
        return lambda p: self.bars.update(bar, description=stage(p.stage), completed=p.share)

    def __exit__(self, *error: object) -> None:
        self.bars.stop()
