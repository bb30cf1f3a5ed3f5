"""Families that learn from other markets beside their own: what they may see of those, what they
say of it, and that a forecast is the own market's."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file

import ml
from ml.configs import PanelConfig, Sizes
from ml.evaluation.backtest import markets_learned_from, run_backtest
from ml.forecast.ensemble import StaticScaler
from ml.forecast.features import FeatureMaker
from ml.forecast.fitting.dataset import JoinedSamples, clean_samples
from ml.forecast.fitting.mixture import MarketMixture
from ml.forecast.fitting.panel import OtherMarkets
from ml.forecast.series import make_series
from ml.forecast.targets import Target
from ml.grid import build_grid
from ml.networks.forecast import PanelNetwork
from ml.spec import OtherMarket, TrainReport
from ml.tasks import HORIZONS, Task
from tests.markets import seasonal_market, wandering_market

PANELS = [spec for spec in ml.list_specs() if spec.panel]
SPEC = PANELS[0]
SMALL = {
    "epochs": 1,
    "hidden": 8,
    "width": 8,
    "members": 1,
    "batch_size": 128,
    "market_windows": 5000,
}
STEP = pd.Timedelta("30min")
OWN = wandering_market(1100)
#: Of as many rows as the own one, and of the same half hours.
OTHERS = {"A/B@x": wandering_market(1100, seed=1), "C/B@x": seasonal_market(1100, seed=2)}

every_panel = pytest.mark.parametrize("spec", PANELS, ids=lambda spec: spec.task)


def train(folder: Path, others: dict[str, pd.DataFrame]) -> TrainReport:
    trainer = ml.DLModelTrainer(folder, device="cpu", step_minutes=30, others=others)
    return trainer.train(SPEC.task, OWN, family=SPEC.name, **SMALL)


def spoiled(since: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """The others, with other moves from then on."""
    made = {}
    for name, quotes in OTHERS.items():
        late = quotes.index >= since
        factor = np.where(late, 1 + 0.02 * np.cos(np.arange(len(quotes))), 1.0)
        made[name] = quotes.assign(ask=quotes["ask"] * factor, bid=quotes["bid"] * factor**2)
    return made


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> TrainReport:
    return train(tmp_path_factory.mktemp("panel"), OTHERS)


def learnt(report: TrainReport) -> dict[str, np.ndarray]:
    return load_file(report.folder / "weights.safetensors")


def same(one: TrainReport, other: TrainReport) -> bool:
    theirs = learnt(other)
    return all(np.array_equal(array, theirs[name]) for name, array in learnt(one).items())


# ------------------------------------------------------------------------------- no look ahead
def test_what_others_quote_after_the_last_target_changes_not_a_weight(report, tmp_path):
    later = train(tmp_path, spoiled(pd.Timestamp(report.trained_until)))
    assert same(report, later)
    assert ml.read_manifest(later.folder)["section"] == ml.read_manifest(report.folder)["section"]
    assert later.dataset_hash != report.dataset_hash


def test_validation_judges_networks_that_saw_others_before_it_only(report, tmp_path):
    """What they quoted while the own market was validated moves the last weights alone: pool,
    shrinkage and epochs are chosen by networks of before."""
    rows = round((pd.Timestamp(report.trained_until) - OWN.index[0]) / STEP)
    embargo, part = max(HORIZONS) + report.window, int(len(OWN) * 0.15)
    early = OWN.index[0] + STEP * (rows - part - embargo)  # the row after the last target
    later = train(tmp_path / "later", spoiled(early))
    assert not same(report, later)
    found, known = (ml.read_manifest(one.folder)["section"] for one in (later, report))
    assert [found[k] for k in ("pool", "calibration")] == [
        known[k] for k in ("pool", "calibration")
    ]
    assert later.losses == report.losses
    assert train(tmp_path / "sooner", spoiled(early - STEP)).losses != report.losses


def test_each_fit_of_a_backtest_cuts_the_others_at_its_own_moment(tmp_path):
    plan = ml.BacktestPlan(
        task=SPEC.task,
        family=SPEC.name,
        start=OWN.index[1010].to_pydatetime(),
        end=OWN.index[1080].to_pydatetime(),
        refit_every=dt.timedelta(days=1),
        origin_step=24,
        params=SMALL,
    )
    run_backtest(OWN, plan, tmp_path, others=OTHERS, device="cpu")
    assert len(plan.fits()) == 2
    for number, moment in enumerate(plan.fits()):
        told = ml.read_manifest(tmp_path / f"model-{number}")["others"]
        assert [one["dataset_hash"] for one in told] == [
            ml.dataset_hash(quotes[quotes.index < moment]) for quotes in OTHERS.values()
        ]
    assert markets_learned_from(tmp_path) == [*OTHERS]


# ------------------------------------------------------------------------------ what it says of it
def test_the_hash_of_what_it_learned_from_covers_the_other_markets(report):
    assert report.dataset_hash == ml.dataset_hash(OWN, OTHERS)
    renamed = {"D/B@x": OTHERS["A/B@x"], "C/B@x": OTHERS["C/B@x"]}
    sets = (None, OTHERS, renamed, spoiled(OWN.index[-1]))
    assert len({ml.dataset_hash(OWN, others) for others in sets}) == len(sets)
    assert ml.dataset_hash(OWN, {}) == ml.dataset_hash(OWN)


def test_it_trains_where_no_other_market_can_be_learned_from_and_says_so(tmp_path):
    one_side = OTHERS["A/B@x"][["bid"]]
    report = train(tmp_path, {"A/B@x": one_side})
    assert np.isfinite(report.score)
    told = OtherMarket(
        market="A/B@x",
        windows=0,
        quote_rows=len(one_side),
        data_until=one_side.index[-1].to_pydatetime(),
        dataset_hash=ml.dataset_hash(one_side),
    )
    assert report.others == (told,)
    assert ml.read_manifest(report.folder)["others"] == [told.as_json()]


# ----------------------------------------------------------------------------------------- parts
@every_panel
def test_a_network_answers_for_its_own_market_unless_another_is_named(spec):
    config = spec.config()
    assert isinstance(config, PanelConfig)
    torch.manual_seed(0)
    network = spec.build(config, Sizes(channels=5, static=11, paths=3, horizons=4)).eval()
    assert isinstance(network, PanelNetwork)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn_like(weight) / 3)
    shapes = ((config.window, 5), (11,), (4, 3))
    inputs = [torch.randn(2, *shape) for shape in shapes]
    own = network(*inputs)
    for number, alike in ((0, True), (config.markets, False)):
        found = network(*inputs, torch.full((2,), number))
        assert torch.equal(found[0], own[0]) is alike


def test_markets_that_cannot_be_learned_from_are_left_out():
    good = OTHERS["A/B@x"]
    others = {
        "no sides": pd.DataFrame({"price": good.mean(axis=1)}),
        "one side": good[["bid"]],
        "an empty side": good.assign(ask=np.nan),
        "too short": good.iloc[:60],
        "later": good.set_axis(OWN.index + pd.Timedelta("365D")),
        "ends early": good.iloc[:400],
        "good": good,
        "one too many": OTHERS["C/B@x"],
    }
    config = ml.make_config(SPEC.config, {"markets": 7, "market_windows": 200})
    asked = {"config": config, "task": SPEC.task, "columns": ("bid", "ask"), "step_minutes": 30}
    found = OtherMarkets(quotes=others, **asked).samples(OWN.index[-1])
    assert np.unique(found.markets, return_counts=True)[0].tolist() == [6, 7]
    assert len(found) == 400
    again = OtherMarkets(quotes=others, **asked).samples(OWN.index[-1])
    assert np.array_equal(again.rows, found.rows)
    bad = {name: others[name] for name in ("no sides", "one side", "too short", "later")}
    assert OtherMarkets(quotes=bad, **asked).samples(OWN.index[-1]) is None


def maker_of(quotes: pd.DataFrame, task: Task) -> FeatureMaker:
    return FeatureMaker(make_series(build_grid(quotes), Target(task), 30), 24)


@pytest.mark.parametrize("task", [Task.PRICE, Task.SPREAD])
def test_joined_samples_are_those_of_their_markets(task: Task):
    origins = np.arange(400, 500)
    makers = [maker_of(quotes, task) for quotes in (*OTHERS.values(), OWN)]
    one, two, own = (clean_samples(m, origins, task, stop=600) for m in makers)
    joined = JoinedSamples({3: one, 5: two})
    mixture = MarketMixture([own], joined, own_share=0.75)
    scaler = StaticScaler.fit(own.static, own.maker.odd_static)
    for samples in (one, two, own, joined):
        samples.prepare(scaler, torch.device("cpu"))
    assert mixture.windows == {3: len(one), 5: len(two)}
    # The own hundred is passed six times beside the two hundred others.
    assert len(mixture) == 6 * len(own) + len(joined)
    first, second = len(own) + 7, len(own) + len(one) + 9
    inputs, wanted = mixture.batch(np.array([second, 4, len(mixture) - 1, first]), None)
    assert inputs.pop().tolist() == [0, 0, 5, 3]
    parts = [own.batch(np.array([4, len(own) - 1]), None)]
    parts += [two.batch(np.array([9]), None), one.batch(np.array([7]), None)]
    for found, group in ((inputs, 0), (wanted, 1)):
        for place, tensor in enumerate(found):
            expected = torch.cat([part[group][place] for part in parts])
            torch.testing.assert_close(tensor, expected, atol=1e-5, rtol=1e-5, equal_nan=True)
