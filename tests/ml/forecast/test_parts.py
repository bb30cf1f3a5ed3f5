"""The pieces of ml.forecast: split, scales, inputs, mixture, shrinkage, baseline, metrics."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from ml.configs import Sizes
from ml.errors import BadQuotes, NotEnoughData
from ml.forecast.baseline import last_value, residual_climatology
from ml.forecast.ensemble import mixture_quantiles
from ml.forecast.experts import Shrinkage, fit_shrinkage
from ml.forecast.features import FeatureMaker, blend
from ml.forecast.metrics import QuantileForecast, measure
from ml.forecast.series import last_rows, make_series, mean, median, take, trailing_mean
from ml.forecast.summaries import first_means
from ml.forecast.targets import Target, clean_mask, future, split_rows
from ml.grid import build_grid
from ml.networks.forecast import HurdleHead
from ml.tasks import HORIZONS, N_KNOTS, QUANTILES, TASKS, Task
from tests.markets import wandering_market as make_quotes

LEVELS = np.asarray(QUANTILES)


def make_maker(quotes: pd.DataFrame, task: Task = Task.PRICE) -> FeatureMaker:
    grid = build_grid(quotes, step_minutes=30)
    return FeatureMaker(make_series(grid, Target(task), 30), 24)


def test_split_keeps_an_embargo_between_its_stretches():
    split = split_rows(np.full(5000, True), window=24, per_day=48)
    reach = max(HORIZONS)
    assert split.train.stop + reach < split.valid.start
    assert split.valid.stop + reach < split.test.start
    assert split.test.stop == 5000
    assert len(split.test) == 750  # 15 %, which is less than 30 days


def test_split_refuses_a_short_series():
    with pytest.raises(NotEnoughData) as caught:
        split_rows(np.full(300, True), window=24, per_day=48)
    assert (caught.value.needed, caught.value.present) == (1000, 300)


@pytest.mark.parametrize("task", [Task.PRICE, Task.SPREAD])
def test_inputs_ignore_the_future(task):
    quotes = make_quotes()
    changed = quotes.copy()
    changed.iloc[1201:] *= 3.0
    rows = np.arange(900, 1201, 7)
    typical = make_maker(quotes, task).typical
    results = []
    for frame in (quotes, changed, quotes.iloc[:1201]):
        series = make_series(build_grid(frame, step_minutes=30), Target(task), 30)
        results.append(FeatureMaker(series, 24, typical=typical).inputs(rows[rows < len(series)]))
    for other in results[1:]:
        for name in ("windows", "static", "paths", "scale"):
            np.testing.assert_array_equal(getattr(results[0], name), getattr(other, name))


def test_a_window_with_a_gap_is_not_learnt_from():
    quotes = make_quotes()
    broken = quotes.drop(quotes.index[800:840])
    maker = make_maker(broken)
    usable = maker.usable(np.arange(23, 1600))
    rows = np.arange(23, 1600)[usable]
    assert not np.isin(np.arange(807, 840), rows).any()  # stale after three hours
    assert 799 in rows
    assert 900 in rows
    for row in rows[(rows > 780) & (rows < 900)]:
        assert np.isfinite(maker.series.y[row - 23 : row + 1]).mean() >= 0.75


def test_hidden_memory_leaves_no_trace_of_older_rows():
    quotes = make_quotes()
    other = quotes.copy()
    other.iloc[:900] = make_quotes(seed=5).iloc[:900].to_numpy() * 2
    rows, blind = np.array([1200]), np.array([False])
    makers = [make_maker(q) for q in (quotes, other)]
    typical = makers[0].typical
    first, second = (
        FeatureMaker(m.series, 24, typical=typical).inputs(rows, blind) for m in makers
    )
    np.testing.assert_array_equal(first.windows, second.windows)
    np.testing.assert_array_equal(first.static, second.static)
    np.testing.assert_array_equal(first.paths, second.paths)
    assert first.static[0, -1] == 0.0


def test_a_price_without_sides_has_no_side_inputs():
    quotes = make_quotes()
    price = pd.DataFrame({"price": quotes["bid"]})
    assert make_maker(price).n_channels < make_maker(quotes).n_channels
    assert make_maker(price).series.other is None


def test_spread_of_a_price_without_sides_is_refused():
    with pytest.raises(BadQuotes) as caught:
        Target(Task.SPREAD).price_columns(("price", "volume"))
    assert set(caught.value.fields) == {"bid", "ask"}


def test_moved_prices_match_their_encoding_and_stay_positive():
    target, prices = Target(Task.PRICE), np.array([0.01, 640.0])
    moves = target.encode(prices * 1.5) - target.encode(prices)
    np.testing.assert_allclose(target.moved(prices, moves), prices * 1.5)
    np.testing.assert_array_equal(target.moved(prices, np.zeros(2)), prices)
    assert (target.moved(prices, np.array([-900.0, -5000.0])) > 0).all()


def test_clean_mask_drops_a_spike_only():
    values = np.random.default_rng(0).normal(0, 0.2, 300)
    values[150] = 40.0
    clean = clean_mask(values, Task.PRICE, 24)
    assert not clean[150]
    assert clean.mean() > 0.97


def test_future_is_unknown_beyond_the_end():
    found = future(np.arange(60.0), np.array([0, 50]))
    np.testing.assert_array_equal(found[0], [1, 6, 24, 48])
    assert np.isnan(found[1, 2:]).all()


def test_small_statistics_skip_what_is_unknown():
    table = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan], [1.0, 2.0, 9.0]])
    np.testing.assert_array_equal(median(table), [2.0, np.nan, 2.0])
    np.testing.assert_allclose(
        trailing_mean(np.array([1.0, np.nan, 3.0, 5.0]), 2), [1.0, 1.0, 3.0, 4.0]
    )
    assert (blend(np.nan, np.array([np.nan, 0.0]), 0.5) > 0).all()


def test_head_answers_ascending_quantiles_for_any_input():
    torch.manual_seed(0)
    head = HurdleHead(8, Sizes(channels=1, static=1, paths=3, horizons=4), 0.0).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_(0, 3)
        logit, knots = head(torch.randn(64, 8), torch.randn(64, 4, 3))
    assert logit.shape == (64, 4)
    assert knots.shape == (64, 4, N_KNOTS)
    assert (knots.diff(dim=-1) >= 0).all()


def test_mixture_matches_a_simulation():
    rng = np.random.default_rng(0)
    knots = np.sort(rng.normal(0.3, 1, (1, 1, N_KNOTS)))
    places = rng.random(400_000) * N_KNOTS - 0.5
    left = np.clip(np.floor(places), 0, N_KNOTS - 2).astype(int)
    line = knots[0, 0]
    drawn = line[left] + (places - left) * (line[left + 1] - line[left])
    drawn[rng.random(len(drawn)) > 0.6] = 0.0
    found = mixture_quantiles(np.array([[0.6]]), knots, LEVELS)[0, 0]
    np.testing.assert_allclose(found, np.quantile(drawn, LEVELS), atol=0.02)
    assert (np.diff(found) >= 0).all()


def test_mixture_without_change_is_the_last_value():
    knots = np.linspace(1, 2, N_KNOTS)[None, None]
    assert (mixture_quantiles(np.zeros((1, 1)), knots, LEVELS) == 0).all()


def test_shrinkage_gives_a_useless_centre_up():
    rng = np.random.default_rng(0)
    moves = rng.normal(0, 1, (2000, 4))
    centre = rng.normal(0, 1, (2000, 4, 1))
    narrow = centre + np.linspace(-0.3, 0.3, 7)
    found = fit_shrinkage(narrow, moves, np.ones(2000), price=False)
    assert max(found.shrink) <= 0.1
    assert Shrinkage().shrunken(narrow) == pytest.approx(narrow)
    price = fit_shrinkage(narrow, moves, np.ones(2000), price=True)
    assert np.abs(price.unshrunken(narrow)[:, 3, 3]).mean() < np.abs(narrow[:, 3, 3]).mean()


@pytest.mark.parametrize("task", [Task.PRICE, Task.SPREAD])
def test_baseline_is_the_same_alone_and_in_a_batch(task):
    target = Target(task)
    series = make_maker(make_quotes(), task).series
    climatology = residual_climatology(series.y[:1000])
    rows = np.arange(30, 1600, 3)
    batch = last_value(series, rows, target, climatology)
    alone = last_value(series, rows[400:403], target, climatology)
    np.testing.assert_allclose(alone.quantiles, batch.quantiles[400:403], rtol=1e-9)
    assert np.isfinite(batch.quantiles).all()  # the climatology stands in where history is short
    assert (np.diff(batch.quantiles, axis=-1) >= 0).all()


def test_baseline_scores_one_against_itself():
    truth = np.random.default_rng(0).normal(size=(50, 4))
    answer = QuantileForecast(np.zeros((50, 4)), np.zeros((50, 4, 7)) + LEVELS - 0.5)
    scores = measure(answer, answer, truth)
    assert tuple(scores) == TASKS[Task.PRICE].metrics
    assert scores["crps"] == pytest.approx(1.0)
    assert all(type(v) is float for v in scores.values())


def test_unknown_truth_is_none_and_never_nan():
    answer = QuantileForecast(np.zeros((3, 4)), np.zeros((3, 4, 7)))
    scores = measure(answer, answer, np.full((3, 4), np.nan))
    assert scores["crps"] is None
    assert scores["n_h1"] == 0.0


def test_a_mirrored_market_gives_mirrored_inputs():
    quotes = make_quotes()
    mid, half = (quotes["bid"] + quotes["ask"]) / 2, (quotes["ask"] - quotes["bid"]) / 2
    turned = 100 / mid
    share = half / mid
    mirrored = pd.DataFrame({"bid": turned * (1 - share), "ask": turned * (1 + share)})
    makers = [make_maker(q) for q in (quotes, mirrored)]
    rows = np.arange(1000, 1500, 50)
    plain, other = (m.inputs(rows) for m in makers)
    odd = makers[0].odd_static
    assert len(odd) == plain.static.shape[1]
    sign = np.where(odd, -1, 1)
    np.testing.assert_allclose(other.static, plain.static * sign, atol=2e-3)
    np.testing.assert_allclose(other.paths, -plain.paths, atol=2e-3)
    np.testing.assert_allclose(other.windows[..., :2], -plain.windows[..., :2], atol=2e-3)
    np.testing.assert_allclose(other.windows[..., 2:], plain.windows[..., 2:], atol=2e-3)


@pytest.mark.parametrize("known", [1.0, 0.6, 0.0])
def test_a_single_row_is_read_as_it_is_among_others(known):
    rng = np.random.default_rng(3)
    values = rng.standard_normal(60)
    values[rng.random(60) >= known] = np.nan
    rows, counts = np.array([0, 3, 7, 8, 40, 59]), (1, 3, 8, 20)
    table = last_rows(values, rows, 8)
    np.testing.assert_array_equal(table, take(values, rows, -np.arange(8)))
    means = first_means(table, counts)
    for place in range(len(rows)):
        line = last_rows(values, rows[place : place + 1], 8)
        np.testing.assert_array_equal(line[0], table[place])
        alone = first_means(line, counts)
        for count, found, among in zip(counts, alone, means, strict=True):
            np.testing.assert_allclose(found, among[place : place + 1], rtol=1e-12)
            np.testing.assert_array_equal(among, mean(table[:, :count]))


@pytest.mark.parametrize("task", [Task.PRICE, Task.SPREAD])
@pytest.mark.parametrize("rows", [30, 200, 1200])
def test_inputs_of_one_origin_are_those_it_has_among_others(task, rows):
    """Those of a short history, which nothing of weeks is made for, among them."""
    maker = make_maker(make_quotes(rows), task)
    places = np.unique(np.linspace(2, len(maker.series) - 1, 9).astype(int))
    batch = maker.inputs(places)
    for place, row in enumerate(places):
        alone = make_maker(make_quotes(rows), task).inputs(np.array([row]))
        for name in ("windows", "static", "paths", "scale"):
            ours, theirs = getattr(alone, name)[0], getattr(batch, name)[place]
            np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6, err_msg=name)


def test_a_short_history_has_the_baseline_that_it_has_before_a_long_one():
    """Where too few residuals are known none is looked at."""
    target = Target(Task.PRICE)
    series = make_maker(make_quotes(700)).series
    climatology = residual_climatology(series.y)
    rows = np.array([5, 60, 198])
    many = last_value(series, np.append(rows, 600), target, climatology)
    few = last_value(series, rows, target, climatology)
    np.testing.assert_array_equal(few.quantiles, many.quantiles[:3])
    assert not np.allclose(many.quantiles[3] / many.value[3, 0], few.quantiles[2] / few.value[2, 0])


def test_a_head_begins_at_moves_of_any_size() -> None:
    """A spread that moves once in a while is moved by hundreds of its usual moves."""
    head = HurdleHead(4, Sizes(channels=1, static=1, paths=1, horizons=2), dropout=0.0)
    torch.nn.init.zeros_(head.knots.weight)
    torch.nn.init.zeros_(head.gate.weight)
    half = torch.arange(N_KNOTS) - N_KNOTS // 2
    wanted = torch.stack([half * 0.5, half * 250.0])
    head.start_from(torch.tensor([0.5, 0.001]), wanted)
    _logit, knots = head(torch.zeros(1, 4), torch.zeros(1, 2, 1))
    torch.testing.assert_close(knots[0], wanted)
