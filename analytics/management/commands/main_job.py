"""From quotes to answers: what `make demo` and `make run` do."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.rule import Rule

from analytics.management.base import FaceCommand
from analytics.management.tables import anomaly_table, forecast_table, model_table, pattern_table
from analytics.models import Market, TrainedModel, TrainingRun
from analytics.retelling import retold
from analytics.services import main_job
from analytics.services.accounts import admin_ensure
from analytics.services.prices.importing import price_import
from analytics.services.prices.simulation import price_simulate


class Command(FaceCommand):
    help = "Migrate, import (or simulate), train four models through the worker, answer, sum up."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", action="append", default=[], help="File of quotes.")
        parser.add_argument("--if-needed", action="store_true", help="Train only what is missing.")
        parser.add_argument(
            "--queue",
            action="store_true",
            help="Only queue the trainings, for the worker that is started next.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.perf_counter()
        call_command("migrate", verbosity=0, interactive=False)
        account = admin_ensure()
        if account:
            self.stdout.write(account)
        migrated = time.perf_counter() - started
        symbols = self._load(options["data"])
        outcome = main_job.Outcome(market=main_job.main_market(symbols))
        outcome.seconds["migrate"] = migrated
        outcome.seconds["import"] = time.perf_counter() - started - migrated
        if options["if_needed"] and main_job.is_done(outcome.market):
            self.stdout.write(_("%(m)s is trained already.") % {"m": outcome.market.symbol})
            return
        if options["queue"]:
            main_job.queue_all(outcome)
            _say_queued(self.console(), outcome)
            return
        with outcome.step("train"), main_job.worker_running() as worker:
            main_job.train_all(outcome)
            _follow(main_job.watch(outcome, worker), self.console())
        main_job.answer_all(outcome)
        outcome.seconds["total"] = time.perf_counter() - started
        models = main_job.market_models(outcome.market)
        _print_summary(self.console(), outcome, models)
        if not models:
            raise CommandError(_("Nothing could be trained."))

    def _load(self, files: list[str]) -> list[str]:
        """Import the files; without any, simulate a market unless there is one already."""
        if not files:
            if not Market.objects.exists():
                made = price_simulate()
                self.stdout.write(_("Simulated market: %(m)s.") % {"m": made.symbol})
                return [made.symbol]
            return []
        symbols: list[str] = []
        for name in files:
            report = price_import(path=name)
            symbols += report.markets
            self.stdout.write(
                _("%(file)s: %(new)s new quotes, %(same)s known, %(bad)s rejected.")
                % {
                    "file": name,
                    "new": report.new,
                    "same": report.unchanged + report.updated,
                    "bad": report.rejected,
                }
            )
        return symbols


def _say_queued(console: Console, outcome: main_job.Outcome) -> None:
    """What is to come, or why it is not."""
    console.print(Rule(f"Paralelo: {outcome.market.symbol}"))
    if outcome.runs:
        say = _(
            "%(n)s trainings are queued for the worker: the pages show their progress, and "
            "baselines answer until they end."
        )
        console.print(say % {"n": len(outcome.runs)})
    for what, why in outcome.refused.items():
        console.print(_("%(what)s: not available: %(why)s") % {"what": what, "why": why})


def _print_summary(console: Console, outcome: main_job.Outcome, models: list[TrainedModel]) -> None:
    """Models beside baselines, forecasts, anomalies, pattern, what was refused, seconds."""
    console.print(Rule(f"Paralelo: {outcome.market.symbol}"))
    console.print(model_table(models, brief=True))
    answers = outcome.answers
    for task in ("price", "spread"):
        if task in answers:
            console.print(forecast_table(answers[task]))
    if "anomaly" in answers:
        console.print(anomaly_table(answers["anomaly"], most=5))
    if "pattern" in answers:
        console.print(pattern_table(answers["pattern"]))
    for what, why in {**outcome.refused, **outcome.failed}.items():
        console.print(_("%(what)s: not available: %(why)s") % {"what": what, "why": why})
    took = ", ".join(f"{name} {seconds:.1f}" for name, seconds in outcome.seconds.items())
    console.print(_("Seconds: %(took)s.") % {"took": took})


# ---------------------------------------------------------------------- runs as live lines
def _follow(states: Iterable[list[TrainingRun]], console: Console) -> None:
    """Consume the states of some runs until they are closed, showing each."""
    if console.is_terminal:
        _bars(states, console)
    else:
        _lines(states, console)


def _bars(states: Iterable[list[TrainingRun]], console: Console) -> None:
    columns = (
        TextColumn("{task.fields[name]:<8}"),
        BarColumn(bar_width=30),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        known: dict[int, TaskID] = {}
        for runs in states:
            for run in runs:
                if run.pk not in known:
                    known[run.pk] = bars.add_task("", total=1.0, name=run.task)
                done = 1.0 if not run.is_open else run.progress
                bars.update(known[run.pk], completed=done, description=_describe(run))
                if not run.is_open:
                    bars.stop_task(known[run.pk])


def _lines(states: Iterable[list[TrainingRun]], console: Console) -> None:
    said: dict[int, tuple[str, str, int]] = {}
    for runs in states:
        for run in runs:
            tenth = 10 * run.epoch // run.epochs if run.epochs else 0
            now = (run.status, run.stage, tenth)
            if said.get(run.pk) != now:
                said[run.pk] = now
                console.print(f"  {run.task:<8} {_describe(run)}")


def _describe(run: TrainingRun) -> str:
    """One run in one line."""
    if run.status != TrainingRun.Status.RUNNING:
        took = f" in {run.seconds:.0f} s" if run.seconds is not None else ""
        why = f": {retold(run.error_message)}" if run.error_message else ""
        return f"{run.status}{took}{why}"
    parts = [run.stage or run.status]
    if run.epoch:
        parts.append(f"epoch {run.epoch}/{run.epochs}")
    if run.losses:
        _stage, train, valid, *_epoch = run.losses[-1]
        parts += [
            f"loss {v:.4f}" for v in (valid if valid is not None else train,) if v is not None
        ]
    if run.eta_seconds is not None:
        parts.append(f"at most {run.eta_seconds:.0f} s left")
    return ", ".join(parts)
