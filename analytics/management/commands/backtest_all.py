"""Backtest many markets, families and windows: by the queue's workers, or on a Ray cluster."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from analytics.management.backtest_tables import asked_table, figures_table
from analytics.management.base import (
    FaceCommand,
    add_params,
    end_on_terminate,
    moment,
    params_of,
)
from analytics.management.progress import RunsBar
from analytics.models import BacktestRun
from analytics.selectors.prices import market_get
from analytics.services.jobs.backtest_many import backtests_request, split_window
from analytics.services.jobs.backtests import BACKTEST
from analytics.services.jobs.engines import RAY, engine_open


class Command(FaceCommand):
    help = (
        "Backtest every market, by every family, on every window. With --engine queue the workers "
        "share them out; with --engine ray the nodes of a Ray cluster do, and the figures are "
        "printed at the end."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        tasks = BacktestRun.Task.values
        parser.add_argument("--task", choices=tasks, required=True)
        parser.add_argument(
            "--market", action="append", default=[], help="As often as wanted; all without."
        )
        parser.add_argument(
            "--family",
            action="append",
            default=[],
            help="As often as wanted; the task's own without.",
        )
        parser.add_argument("--from", dest="start", type=moment, metavar="A", required=True)
        parser.add_argument("--to", dest="end", type=moment, metavar="B", required=True)
        parser.add_argument(
            "--windows", type=int, default=1, metavar="N", help="Cut A..B into so many windows."
        )
        parser.add_argument("--refit-every", metavar="DAYS", help="e.g. 30d; fitted once without.")
        parser.add_argument("--origin-step", type=int, default=1, metavar="N")
        add_params(parser, help="Of the families.")
        parser.add_argument("--engine", choices=["queue", RAY], default="queue")
        parser.add_argument(
            "--address",
            help="Of the Ray cluster: auto is the one that runs here; this machine without.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        end_on_terminate()
        ask = {
            "task": options["task"],
            "windows": split_window(options["start"], options["end"], options["windows"]),
            "families": options["family"],
            "markets": [market_get(name) for name in options["market"]],
            "refit_every": options["refit_every"],
            "origin_step": options["origin_step"],
            "params": params_of(options["param"]),
        }
        if options["engine"] == RAY:
            self._on_ray(ask, options["address"])
        else:
            self._by_queue(ask)

    def _by_queue(self, ask: dict[str, Any]) -> None:
        asked = list(backtests_request(**ask))
        self.console().print(asked_table(asked))
        queued = sum(one.run is not None for one in asked)
        counts = {"queued": queued, "other": len(asked) - queued}
        self.stdout.write(_("%(queued)s queued, %(other)s not.") % counts)

    def _on_ray(self, ask: dict[str, Any], address: str | None) -> None:
        with engine_open(RAY, address=address) as engine:
            asked = list(backtests_request(enqueue=False, **ask))
            runs = [one.run for one in asked if one.run is not None]
            try:
                with RunsBar(self.console(), BACKTEST.runs, runs) as show:
                    engine.do(BACKTEST, runs, on_beat=show)
            except KeyboardInterrupt:
                line = _("Stopped; what had not ended is cancelled, and its work kept.")
                raise CommandError(line) from None
        for run in runs:
            run.refresh_from_db()
        self.console().print(figures_table(asked))
        done = sum(run.status == BacktestRun.Status.SUCCEEDED for run in runs)
        line = _("%(done)s succeeded, %(other)s did not.")
        line %= {"done": done, "other": len(asked) - done}
        if done < len(asked):
            raise CommandError(line)
        self.stdout.write(line)
