"""Which parameters of a family suit a market: tries, each a backtest of one window, and the best of
them beside the default, there and on a later window that no try has seen.

The best of many tries looks better than it is on the window that it was chosen by. Only the later
window tells whether a gain holds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

import ml
from analytics.exceptions import AnalyticsError, InvalidInput, NotReady
from analytics.models import BacktestRun
from analytics.services.jobs.backtest_plans import plan_make
from analytics.services.jobs.backtests import BACKTEST, backtest_known, backtest_request
from analytics.services.jobs.engines import Engine
from analytics.services.learning.sampling import Sampler
from analytics.services.learning.trials import Trial, TuneAsk, Tuned, trials_face
from analytics.services.translate import ml_errors


def market_tune(
    ask: TuneAsk,
    engine: Engine,
    *,
    confirm_until: dt.datetime | None = None,
    on_trial: Callable[[Trial], object] = lambda trial: None,
) -> Tuned:
    """Try, and face the best with the default; `on_trial` is told of each. What an earlier call has
    tried on the same quotes is not done again. Raises InvalidInput (bad_config, unknown_family,
    what a backtest is refused for), NotReady (no_optuna; no_default: the default cannot be
    measured)."""
    tuning = _Tuning(ask, engine, on_trial)
    if confirm_until is not None and confirm_until <= ask.end:
        raise InvalidInput(
            _("The window that confirms must come after the one that is tuned on."),
            "bad_config",
            {"confirm_until": _("must be later than the end")},
        )
    trials = tuple(tuning.run())
    found = Tuned(family=tuning.spec.name, trials=trials, kept=tuning.kept)
    if found.best is found.default:
        return found
    chosen = trials_face(ask, found.default, found.best, ask.start, ask.end)
    confirmed = None
    if confirm_until is not None:
        pair = (found.default.params, found.best.params)
        default, best = tuning.measure([*enumerate(pair)], ask.end, confirm_until)
        confirmed = trials_face(ask, default, best, ask.end, confirm_until)
    return replace(found, chosen=chosen, confirmed=confirmed)


class _Tuning:
    def __init__(self, ask: TuneAsk, engine: Engine, on_trial: Callable[[Trial], object]) -> None:
        self.ask, self.engine, self.on_trial = ask, engine, on_trial
        if ask.trials < 1:
            raise InvalidInput(
                _("Nothing can be tuned without a try."),
                "bad_config",
                {"trials": _("must be at least 1")},
            )
        with ml_errors():
            self.spec = ml.get_spec(ask.task, ask.family)
            named = [ml.parse_search(self.spec, *pair) for pair in ask.tried.items()]
            # The plan is refused before anything is tried.
            step = ask.market.cadence_minutes
            plan_make(start=ask.start, end=ask.end, step_minutes=step, **ask.plan({}))
        self.kept = {one.name: one.choices[0] for one in named if one.is_kept}
        wanted = [one for one in named if not one.is_kept]
        if not wanted:
            declared = ml.default_searches(self.spec)
            wanted = [one for one in declared if one.name not in self.kept]
        if not wanted:
            raise InvalidInput(
                _("There is no parameter to try."),
                "bad_config",
                {"param": _("give one a range, or keep fewer")},
            )
        self.sampler = Sampler(wanted, trials=ask.trials, seed=ask.seed)
        defaults = {one["name"]: one["default"] for one in ml.describe_config(self.spec.config)}
        self.default = {one.name: defaults[one.name] for one in wanted}

    def run(self) -> list[Trial]:
        """The default and every try, in order. As many are asked for at once as the engine does at
        a time, and told in their order, so that a seed gives the same tries."""
        found = self.measure([(0, self.default)], self.ask.start, self.ask.end)
        if found[0].skill is None:
            raise NotReady(
                _("The family's own parameters cannot be measured there: %(why)s")
                % {"why": found[0].why},
                "no_default",
            )
        self.sampler.seen(self.default, found[0].skill)
        self.on_trial(found[0])
        while len(found) <= self.ask.trials:
            count = min(self.engine.places, self.ask.trials + 1 - len(found))
            asked = [self.sampler.ask() for _place in range(count)]
            numbered = [(len(found) + k, params) for k, (_own, params) in enumerate(asked)]
            made = self.measure(numbered, self.ask.start, self.ask.end)
            for (own, _params), trial in zip(asked, made, strict=True):
                self.sampler.tell(own, trial.skill)
                self.on_trial(trial)
            found += made
        return found

    def measure(
        self,
        numbered: Sequence[tuple[int, Mapping[str, Any]]],
        start: dt.datetime,
        end: dt.datetime,
    ) -> list[Trial]:
        """A backtest of each of the parameters, found or made."""
        places: dict[str, _Place] = {}
        for number, params in numbered:
            key = repr(sorted(params.items()))
            if key not in places:
                places[key] = self._place(number, params, start, end)
        runs = [one.run for one in places.values() if one.run is not None and not one.known]
        self.engine.do(BACKTEST, runs)
        made = []
        for number, params in numbered:
            place = places[repr(sorted(params.items()))]
            made.append(_trial(number, params, place))
        return made

    def _place(
        self, number: int, params: Mapping[str, Any], start: dt.datetime, end: dt.datetime
    ) -> _Place:
        plan = {**self.ask.plan({**self.kept, **params}), "market": self.ask.market}
        known = backtest_known(start=start, end=end, **plan)
        if known is not None:
            return _Place(known, known=True)
        try:
            return _Place(backtest_request(start=start, end=end, enqueue=False, **plan))
        except AnalyticsError as error:
            if number == 0:
                raise
            return _Place(None, why=error.message)


@dataclass(frozen=True)
class _Place:
    """Where a try's figures are to be found."""

    run: BacktestRun | None
    known: bool = False
    why: str = ""


def _trial(number: int, params: Mapping[str, Any], place: _Place) -> Trial:
    if place.run is None:
        return Trial(number=number, params=params, run=None, skill=None, why=place.why)
    run = place.run
    run.refresh_from_db()
    skill = ml.backtest_skill(run.figures)["crps_skill"]
    return Trial(
        number=number,
        params=params,
        run=run,
        skill=skill,
        known=place.known,
        why=run.error_message or run.get_status_display() if skill is None else "",
    )
