"""The only importer of optuna: what a tuning tries next, from what it has seen."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

import ml
from analytics.exceptions import NotReady

#: Tries by chance before the sampler believes what it has seen; fewer where few are asked for.
_BY_CHANCE = 10


class Sampler:
    """Asks for parameters and is told their figure, lower is better (Tree-structured Parzen
    estimator, Bergstra et al. 2011). The same seed and the same answers in the same order make the
    same tries. Raises NotReady (no_optuna) where optuna is not installed."""

    def __init__(self, searches: Sequence[ml.Search], *, trials: int, seed: int) -> None:
        try:
            import optuna
        except ImportError:
            line = "pip install -r requirements-ray.txt"
            raise NotReady(
                _("Optuna is not installed: %(line)s") % {"line": line}, "no_optuna"
            ) from None
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna = optuna
        self.searches = {one.name: _distribution(optuna, one) for one in searches}
        by_chance = max(1, min(_BY_CHANCE, trials // 3))
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=by_chance)
        self.study = optuna.create_study(sampler=sampler)

    def seen(self, params: Mapping[str, Any], figure: float) -> None:
        """What came of parameters that it did not choose; nothing is learnt of those that lie
        outside of what is looked at."""
        own = {name: params[name] for name in self.searches}
        with contextlib.suppress(ValueError):
            trial = self.optuna.trial.create_trial(
                params=own, distributions=self.searches, value=figure
            )
            self.study.add_trial(trial)

    def ask(self) -> tuple[int, dict[str, Any]]:
        """A number to tell by, and parameters; numbers of a scale have four digits."""
        trial = self.study.ask(self.searches)
        rounded = {
            name: float(f"{value:.4g}") if isinstance(value, float) else value
            for name, value in trial.params.items()
        }
        return trial.number, rounded

    def tell(self, number: int, figure: float | None) -> None:
        """What came of it; None where it failed."""
        if figure is None:
            self.study.tell(number, state=self.optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(number, figure)


def _distribution(optuna: Any, search: ml.Search) -> Any:
    of = optuna.distributions
    if search.choices:
        return of.CategoricalDistribution(search.choices)
    if search.step is None:
        return of.FloatDistribution(search.low, search.high, log=search.log)
    low, step = int(search.low), search.step
    high = low + (int(search.high) - low) // step * step
    return of.IntDistribution(low, high, step=step, log=search.log)
