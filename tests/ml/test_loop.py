"""The loop that trains every network, and which samples its epochs see."""

from __future__ import annotations

import math

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ml.errors import Cancelled, TrainingDiverged
from ml.networks.loop import Rounds, averaged_weights, fit_network
from ml.spec import TrainConfig

X = torch.linspace(-1, 1, 64)[:, None]
CONFIG = TrainConfig(epochs=8, batch_size=16, learning_rate=0.3, patience=8)


def line() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(1, 1)


def fit(network: nn.Module, config: TrainConfig = CONFIG, **more):
    """Learns y = 3 x - 1, unless told otherwise."""

    def loss(rows: torch.Tensor) -> torch.Tensor:
        return nn.functional.mse_loss(network(X[rows]), 3 * X[rows] - 1)

    defaults = {"batch_loss": loss, "valid_loss": lambda: float(loss(torch.arange(64)))}
    return fit_network(network, n_samples=64, config=config, **{**defaults, **more})


def test_a_line_is_learned_and_every_epoch_told():
    network, told = line(), []
    result = fit(network, on_progress=lambda progress: told.append(progress) or True)
    assert result.losses[-1][1] < result.losses[0][1] / 4
    assert [p.epoch for p in told] == list(range(1, 9))
    assert told[-1].eta_seconds == 0
    assert not network.training


def test_the_weights_of_the_best_epoch_are_kept():
    network, seen = line(), []

    def worse_from_the_third_on() -> float:
        seen.append(network.weight.item())
        return abs(len(seen) - 3)

    result = fit(network, valid_loss=worse_from_the_third_on)
    assert (result.best_epoch, result.best_loss, result.epochs_run) == (3, 0, 8)
    assert network.weight.item() == seen[2]


def test_patience_ends_a_training_that_gains_nothing():
    config = TrainConfig(epochs=50, batch_size=16, patience=3)
    losses = iter([2.0, 1.0, *[1.5] * 48])
    result = fit(line(), config, valid_loss=lambda: next(losses))
    assert (result.best_epoch, result.epochs_run) == (2, 5)


def test_the_checkpoint_holds_the_last_epoch(tmp_path):
    network, path = line(), tmp_path / "checkpoint.safetensors"
    fit(network, checkpoint=path)
    assert load_file(path).keys() == network.state_dict().keys()
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_training_can_be_cancelled_and_one_that_diverges_says_what_to_change():
    with pytest.raises(Cancelled):
        fit(line(), on_progress=lambda progress: progress.epoch < 2)
    with pytest.raises(TrainingDiverged) as caught:
        fit(line(), valid_loss=lambda: math.nan)
    assert "learning_rate" in caught.value.fields


def test_the_same_seed_gives_the_same_weights():
    one, two, other = line(), line(), line()
    for network in (one, two):
        fit(network)
    fit(other, TrainConfig(**{**vars(CONFIG), "seed": 1}))
    assert torch.equal(one.weight, two.weight)
    assert not torch.equal(one.weight, other.weight)


# -------------------------------------------------------------------------- the mean of the weights
def test_the_mean_of_the_weights_is_judged_and_kept_and_the_weights_go_on():
    network = line()
    mean, judged = averaged_weights(network, 0.9), []

    def valid_loss() -> float:
        judged.append(mean.module.weight.item())
        assert not mean.module.training
        return -len(judged)

    result = fit(network, averaged=mean, valid_loss=valid_loss)
    assert network.weight.item() == judged[-1]
    assert len(set(judged)) == len(judged)
    # What is learned does not depend on what is judged.
    plain = line()
    alone = fit(plain, valid_loss=lambda: 0.0)
    assert [train for train, _ in result.losses] == [train for train, _ in alone.losses]
    assert network.weight.item() != plain.weight.item()


def test_the_mean_forgets_the_first_steps_faster_and_then_by_its_decay():
    network = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        network.weight.fill_(1.0)
    mean, by_hand = averaged_weights(network, 0.5), 1.0
    for step in range(1, 30):
        with torch.no_grad():
            network.weight.fill_(float(step))
        mean.update_parameters(network)
        keep = min(0.5, step / (10 + step))
        by_hand = keep * by_hand + (1 - keep) * step
    assert mean.module.weight.item() == pytest.approx(by_hand)
    assert network.weight.item() == 29


def test_without_decay_the_mean_is_the_weights():
    network = line()
    mean = averaged_weights(network, 0.0)
    with torch.no_grad():
        network.weight.fill_(7.0)
    mean.update_parameters(network)
    assert mean.module.weight.item() == 7


# ---------------------------------------------------------------------------------- what epochs see
def drawn(rounds: Rounds) -> list[int]:
    found = rounds.draw(torch.arange(rounds.size)).tolist()
    rounds.next_epoch()
    return found


def test_of_a_long_series_every_epoch_sees_the_next_part():
    rounds = Rounds(100, TrainConfig(batch_size=10), most_steps=4)
    parts = [drawn(rounds) for _ in range(5)]
    assert [len(set(part)) for part in parts] == [40] * 5
    whole = [sample for part in parts for sample in part]
    assert sorted(whole[:100]) == sorted(whole[100:]) == list(range(100))
    assert parts[0] != sorted(parts[0])


def test_a_short_series_is_passed_whole_or_several_times():
    once = Rounds(25, TrainConfig(batch_size=10), most_steps=9)
    assert sorted(drawn(once)) == list(range(25))
    thrice = Rounds(25, TrainConfig(batch_size=10), most_steps=9, least_steps=6)
    assert sorted(drawn(thrice)) == sorted(3 * list(range(25)))


def test_the_order_depends_on_the_seed_alone():
    orders = [drawn(Rounds(50, TrainConfig(batch_size=8, seed=s), most_steps=9)) for s in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
