"""How a forecaster is trained: epochs and pool chosen on validation, then once more on all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pandas as pd
import torch

from ml.configs import ForecastConfig, PanelConfig, Sizes
from ml.errors import NotEnoughData
from ml.forecast.ensemble import Ensemble, StaticScaler, network_quantiles
from ml.forecast.experts import Shrinkage, Simple, expert_quantiles, fit_shrinkage, fit_simple
from ml.forecast.features import FeatureMaker
from ml.forecast.fitting.dataset import Samples, clean_samples, polling_augmentation
from ml.forecast.fitting.mixture import MarketMixture, Mixture
from ml.forecast.fitting.panel import OtherMarkets
from ml.forecast.metrics import crps
from ml.forecast.pool import Pool, fit_pool
from ml.forecast.series import make_series
from ml.forecast.summaries import N_PATHS
from ml.forecast.targets import Split, Target
from ml.grid import build_grid
from ml.networks.forecast import ForecastNetwork, Together, hurdle_loss
from ml.networks.inference import plain_network
from ml.networks.loop import LoopResult, Rounds, fit_network
from ml.pipeline import FitContext
from ml.spec import ModelSpec, Progress
from ml.tasks import HORIZONS, Task

LEAST_SAMPLES, LEAST_VALID = 300, 30
#: Of the last training. A month of validation in an odd time stops a spread too early, while a
#: price of few months is soon learnt by heart.
LEAST_EPOCHS = {Task.PRICE: 2, Task.SPREAD: 5}
#: Steps of an epoch. A short series is passed several times, each time mirrored and blinded
#: differently.
LEAST_STEPS, MOST_STEPS = 50, 200


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a training is about; `quotes` are the columns that prices are made of."""

    spec: ModelSpec
    config: ForecastConfig
    context: FitContext
    quotes: pd.DataFrame
    maker: FeatureMaker
    split: Split

    def samples(self, maker: FeatureMaker, rows: range) -> Samples:
        """The usable origins of a stretch, with targets cleaned by rows before the test only."""
        origins = np.arange(rows.start, rows.stop)
        usable, stop = origins[maker.usable(origins)], rows.stop + max(HORIZONS)
        return clean_samples(maker, usable, self.spec.task, stop=stop)

    def last_target(self, rows: range) -> pd.Timestamp:
        """When the last target of a stretch is known: nothing later is learned from with it."""
        return self.maker.series.index[rows.stop + max(HORIZONS) - 1]

    def mixture(self, own: Samples, rows: range, rng: np.random.Generator) -> Mixture:
        """All that is learned from with the stretch `rows`, whose samples are `own`."""
        parts = [own, *self.copy(rows, rng)]
        if not self.spec.panel:
            return Mixture(parts)
        others = OtherMarkets(
            quotes=self.context.others,
            config=(config := cast(PanelConfig, self.config)),
            task=self.spec.task,
            columns=tuple(self.quotes.columns),
            step_minutes=self.maker.series.step_minutes,
        )
        joined = others.samples(self.last_target(rows))
        if joined is None:
            return Mixture(parts)
        return MarketMixture(parts, joined, own_share=config.own_share)

    def copy(self, rows: range, rng: np.random.Generator) -> list[Samples]:
        """Half of the samples of an augmented copy of the quotes up to the last target of `rows`;
        none where there are too few quotes for one."""
        series, end = self.maker.series, self.last_target(rows)
        copy = polling_augmentation(self.quotes.loc[:end], rng)
        if copy is None:
            return []
        grid = build_grid(copy, step_minutes=series.step_minutes, end=end)
        other = make_series(grid, Target(self.spec.task), series.step_minutes)
        twin = FeatureMaker(other, self.maker.window, typical=self.maker.typical)
        found = self.samples(twin, range(self.maker.window, len(other) - max(HORIZONS)))
        found.keep(np.sort(rng.permutation(len(found))[: len(found) // 2]))
        return [found]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training leaves; a run per member of the ensemble. `windows` is how many the last
    training saw of each other market, by its place among those that were given."""

    members: list[ForecastNetwork]
    ensemble: Ensemble
    shrinkage: Shrinkage
    simple: Simple
    pool: Pool
    sizes: Sizes
    runs: list[LoopResult]
    windows: dict[int, int]


def train(job: Job) -> Trained:
    """Epochs, shrinkage and pool are chosen on the validation stretch by networks that saw only
    what lies before it; then every network is trained once more, on both. Raises NotEnoughData,
    Cancelled and TrainingDiverged."""
    split, maker, device = job.split, job.maker, job.context.device
    rng = np.random.default_rng(job.config.seed)
    both = range(split.train.start, split.valid.stop)
    first, valid, whole = (job.samples(maker, rows) for rows in (split.train, split.valid, both))
    _refuse_few(len(first), LEAST_SAMPLES, "to learn from")
    _refuse_few(len(valid), LEAST_VALID, "to validate on")
    early, late = (job.mixture(own, r, rng) for own, r in ((first, split.train), (whole, both)))
    scaler = StaticScaler.fit(early.static, maker.odd_static)
    for samples in (valid, *early.parts, *late.parts):
        samples.prepare(scaler, device)
    sizes = Sizes(
        channels=maker.n_channels,
        static=len(scaler.centre),
        paths=N_PATHS,
        horizons=len(HORIZONS),
    )
    configs = [replace(job.config, seed=job.config.seed + k) for k in range(job.config.members)]
    chosen = [_member(job, c, sizes, early, valid, part=k) for k, c in enumerate(configs)]
    judges = _together([member for member, _ in chosen], scaler, device)
    simple = fit_simple(first.paths, first.moves(), mirror=first.mirror)
    shrinkage, pool = _judge(job, judges, valid, simple)
    final = []
    for k, (c, (_, run)) in enumerate(zip(configs, chosen, strict=True), len(configs)):
        short = replace(c, epochs=last_epochs(job.spec.task, run.best_epoch, c.epochs))
        final.append(_member(job, short, sizes, late, valid, part=k)[0])
    return Trained(
        members=final,
        ensemble=_together(final, scaler, device),
        shrinkage=shrinkage,
        simple=simple,
        pool=pool,
        sizes=sizes,
        runs=[run for _, run in chosen],
        windows=late.windows,
    )


def _together(
    members: list[ForecastNetwork], scaler: StaticScaler, device: torch.device
) -> Ensemble:
    return Ensemble(plain_network(Together(members), device), len(members), scaler)


def last_epochs(task: Task, best: int, most: int) -> int:
    """Epochs of the last training: the `best` on validation, or a few more, of the `most` asked."""
    return max(min(LEAST_EPOCHS[task], most), best)


def _judge(job: Job, judges: Ensemble, valid: Samples, simple: Simple) -> tuple[Shrinkage, Pool]:
    """What validation says of the networks and of the simple experts beside them."""
    series, stop = job.maker.series, job.split.valid.stop
    inputs = job.maker.inputs(valid.rows)
    quantiles = judges.quantiles(inputs)
    moves = valid.change / inputs.scale[:, None]
    shrinkage = fit_shrinkage(quantiles, moves, inputs.scale, price=valid.mirror)
    experts = expert_quantiles(quantiles, shrinkage, simple, series, valid.rows, inputs)
    seconds = series.index.as_unit("s").asi8
    since = int(seconds[min(stop + max(HORIZONS), len(series) - 1)])
    clock = seconds[valid.rows] // (60 * series.step_minutes)
    pool = fit_pool(experts, moves, clock, series.per_day, since=since, guard=valid.mirror)
    return shrinkage, pool


def _refuse_few(samples: int, needed: int, what: str) -> None:
    if samples < needed:
        raise NotEnoughData(
            f"Only {samples} windows without a gap are left {what}; {needed} are needed.",
            needed=needed,
            present=samples,
        )


def _member(
    job: Job, config: ForecastConfig, sizes: Sizes, train: Mixture, valid: Samples, *, part: int
) -> tuple[ForecastNetwork, LoopResult]:
    """One network, trained from its own seed: first each member for the selection, then each for
    good."""
    rounds = Rounds(len(train), config, most_steps=MOST_STEPS, least_steps=LEAST_STEPS)
    torch.manual_seed(config.seed)
    network: ForecastNetwork = job.spec.build(config, sizes).to(job.context.device)
    network.head.start_from(*train.climatology())
    unit = train.unit().to(job.context.device)
    rng = np.random.default_rng(config.seed)
    score = _validation(network, valid)

    def batch_loss(numbers: torch.Tensor) -> torch.Tensor:
        inputs, (moves, changed, weight) = train.batch(rounds.draw(numbers).numpy(), rng)
        logit, knots = network(*inputs)
        return hurdle_loss(logit, knots, moves, changed, weight, unit)

    def valid_loss() -> float:
        rounds.next_epoch()
        return score()

    run = fit_network(
        network,
        n_samples=rounds.size,
        batch_loss=batch_loss,
        valid_loss=valid_loss,
        config=config,
        checkpoint=job.context.checkpoint,
        on_progress=job.context.on_progress,
        told=Progress(stage=_stage(part, config.members), part=part, parts=2 * config.members),
    )
    return network, run


def _stage(part: int, members: int) -> str:
    """What a part of the training is called."""
    name = "selection" if part < members else "training"
    return f"{name} {part % members + 1}/{members}" if members > 1 else name


def _validation(network: ForecastNetwork, valid: Samples) -> Callable[[], float]:
    """What is asked after every epoch: the mean CRPS of `valid`, a horizon's in units of the mean
    move there, so that the longest does not drown the rest."""
    inputs, _ = valid.batch(np.arange(len(valid)), None)
    truth, scale = valid.moves(), valid.scale[:, None]
    known = np.isfinite(truth)
    share = 1 / np.maximum(np.nanmean(np.abs(truth) * scale, axis=0), 1e-9)

    def score() -> float:
        with torch.inference_mode():
            logit, knots = (found.cpu().numpy() for found in network(*inputs))
        scores = crps(network_quantiles(logit, knots), np.nan_to_num(truth)) * scale * share
        return float(scores[known].mean())

    return score
