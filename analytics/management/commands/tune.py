"""Try parameters of a family on a market's past."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from analytics.management.backtest_tables import trial_line, trials_table, verdict_lines
from analytics.management.base import (
    FaceCommand,
    add_market,
    add_params,
    end_on_terminate,
    moment,
    params_of,
)
from analytics.models import BacktestRun
from analytics.selectors.prices import market_get
from analytics.services.jobs.engines import HERE, RAY, engine_open
from analytics.services.learning.trials import TuneAsk
from analytics.services.learning.tuning import market_tune


class Command(FaceCommand):
    help = (
        "Try parameters of a family on a market from A to B, each try a backtest, the default "
        "first. Asked for again, what was tried on the same quotes is not done again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--task", choices=BacktestRun.Task.values, required=True)
        add_market(parser)
        parser.add_argument("--family", help="Model family; the task's own by default.")
        parser.add_argument("--from", dest="start", type=moment, metavar="A", required=True)
        parser.add_argument("--to", dest="end", type=moment, metavar="B", required=True)
        parser.add_argument(
            "--confirm-until",
            type=moment,
            metavar="C",
            help="Face the best with the default on B..C, which no try has seen.",
        )
        parser.add_argument("--trials", type=int, default=20, help="Beside the default.")
        parser.add_argument("--seed", type=int, default=0, help="Of what is tried.")
        parser.add_argument("--refit-every", metavar="DAYS", help="e.g. 30d; fitted once without.")
        parser.add_argument("--origin-step", type=int, default=1, metavar="N")
        add_params(
            parser,
            help="LOW..HIGH or a,b,c is tried, a single value is kept. Where none is tried, what "
            "the family declares is.",
        )
        parser.add_argument("--engine", choices=[HERE, RAY], default=HERE)
        parser.add_argument(
            "--address",
            help="Of the Ray cluster: auto is the one that runs here; this machine without.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        end_on_terminate()
        names = ("task", "family", "start", "end", "trials", "seed", "refit_every", "origin_step")
        ask = TuneAsk(
            market=market_get(options["market"]),
            tried=params_of(options["param"]),
            **{name: options[name] for name in names},
        )
        with engine_open(options["engine"], address=options["address"]) as engine:
            self.stdout.write(
                _("%(n)s tries, %(at_once)s at a time; the default is number 0.")
                % {"n": ask.trials, "at_once": engine.places}
            )
            tuned = market_tune(
                ask,
                engine,
                confirm_until=options["confirm_until"],
                on_trial=lambda trial: self.stdout.write(trial_line(trial, ask.trials)),
            )
        self.console().print(trials_table(tuned))
        for line in verdict_lines(ask, tuned):
            self.stdout.write(line)
