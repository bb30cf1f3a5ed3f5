"""What an epoch of each task's network costs, beside the usual loop over a Dataset that gives one
sample at a time, and beside the arithmetic alone.

`python -m bench.speed.training [--windows N] [--tasks T ...] [--json FILE]`. Network, samples,
order, steps and stopping are those of the product's own training, in both: of the usual loop only
the way to a batch differs (sample by sample, stacked by PyTorch's default_collate, as a DataLoader
without workers does). Its samples lie ready as tensors, augmented once, before the clock starts;
the product cuts and augments its own within. The floor: floating-point operations of forward and
backward (torch.utils.flop_counter) over the rate of a plain matrix product measured here. Seconds
of the processor, one thread.
"""

from __future__ import annotations

import copy
import datetime as dt
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate
from torch.utils.flop_counter import FlopCounterMode

import ml
from bench.speed.measuring import asks, heading, row, say, seconds, told, write
from ml.networks import loop
from ml.simulate import SimulatedMarket, simulate_quotes

#: Task -> the module that trains its networks.
ROOMS = {
    "price": "ml.forecast.fitting.training",
    "spread": "ml.forecast.fitting.training",
    "anomaly": "ml.anomaly.training",
    "pattern": "ml.pattern.training",
}
START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
WINDOWS = 20_000


@dataclass(frozen=True)
class Lesson:
    """The first network of a training before its first step, with all that `fit_network` got."""

    network: torch.nn.Module
    given: dict[str, Any]

    def fit(self, batch_loss: Callable[[Tensor], Tensor]) -> tuple[loop.LoopResult, float]:
        """Train from here on; the result and the seconds of the processor."""
        started = time.process_time()
        result = loop.fit_network(self.network, **{**self.given, "batch_loss": batch_loss})
        return result, time.process_time() - started


class _Caught(Exception):
    """The training came to its first network."""


def first_lesson(task: str, quotes: Any, params: dict[str, Any]) -> Lesson:
    """Prepare a training as the product does, up to its first step."""
    found: list[Lesson] = []

    def catch(network: torch.nn.Module, **given: Any) -> None:
        found.append(Lesson(network, {**given, "checkpoint": None}))
        raise _Caught

    with tempfile.TemporaryDirectory() as folder, mock.patch(f"{ROOMS[task]}.fit_network", catch):
        try:
            ml.DLModelTrainer(folder, device="cpu").train(task, quotes, **params)
        except _Caught:
            return found[0]
    raise RuntimeError(f"{task}: no network was trained")


# ------------------------------------------------------------------------------- the usual way
class OneByOne(Dataset[tuple[Tensor, ...]]):
    """Sample after sample, each a tuple of tensors."""

    def __init__(self, columns: tuple[Tensor, ...]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, number: int) -> tuple[Tensor, ...]:
        return tuple(column[number] for column in self.columns)


def held(batch_loss: Callable[[Tensor], Tensor]) -> dict[str, Any]:
    """What the closure (or the method's object) of a loss holds, by name."""
    owner = getattr(batch_loss, "__self__", None)
    if owner is not None:
        return vars(owner)
    cells = [cell.cell_contents for cell in batch_loss.__closure__ or ()]
    return dict(zip(batch_loss.__code__.co_freevars, cells, strict=True))


def usual(task: str, lesson: Lesson) -> Callable[[Tensor], Tensor]:
    """The same loss of the same samples, fetched one at a time."""
    mine = held(lesson.given["batch_loss"])
    make = {"anomaly": _usual_anomaly, "pattern": _usual_pattern}.get(task, _usual_forecast)
    columns, order, loss = make(lesson.network, mine)
    samples = OneByOne(columns)

    def batch_loss(numbers: Tensor) -> Tensor:
        return loss(default_collate([samples[int(i)] for i in order(numbers)]))

    return batch_loss


def _usual_forecast(network: Any, mine: dict[str, Any]) -> tuple[Any, ...]:
    from ml.networks.forecast import hurdle_loss

    train, rounds, unit = mine["train"], mine["rounds"], mine["unit"]
    numbers = np.random.default_rng(0).permutation(len(train))
    inputs, wanted = train.batch(np.sort(numbers), np.random.default_rng(0))

    def loss(batch: list[Tensor]) -> Tensor:
        logit, knots = network(*batch[:3])
        return hurdle_loss(logit, knots, *batch[3:], unit)

    return (*inputs, *wanted), rounds.draw, loss


def _usual_anomaly(network: Any, mine: dict[str, Any]) -> tuple[Any, ...]:
    windows = mine["self"]
    values = windows.values[windows.learn].contiguous()
    return (values,), lambda numbers: numbers, lambda batch: network.loss(batch[0])


def _usual_pattern(network: Any, mine: dict[str, Any]) -> tuple[Any, ...]:
    from ml.pattern.training import _distance, _entropy

    data, rows, heads = mine["data"], mine["learn"], list(mine["labels"])
    x = data.windows[rows - data.at].contiguous()
    labels = [mine["labels"][head][rows] for head in heads]

    def loss(batch: list[Tensor]) -> Tensor:
        logits, guess = network.answers(batch[0])
        wanted = dict(zip(heads, batch[2:], strict=True))
        return _entropy(logits, wanted) + mine["auxiliary"] * _distance(guess, batch[1])

    return (x, mine["statistics"][rows], *labels), mine["rounds"].draw, loss


# ------------------------------------------------------------------------------- the floor
def matmul_rate(size: int = 768, runs: int = 12) -> float:
    """Floating-point operations a second of a float32 matrix product on this thread."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    best = 0.0
    for _run in range(runs):
        started = time.process_time()
        torch.mm(a, b)
        best = max(best, 2 * size**3 / (time.process_time() - started))
    return best


@contextmanager
def _countable() -> Iterator[FlopCounterMode]:
    # oneDNN's recurrent layers are one operation that nobody counts; without it they are products.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TF32 on graphics cards
        with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
            yield counter


def flop_of_epoch(lesson: Lesson) -> float:
    """Of forward and backward over all samples of an epoch (of the validation none)."""
    network, size = lesson.network, lesson.given["config"].batch_size
    before = copy.deepcopy(network.state_dict())
    network.train()
    with _countable() as counter:
        lesson.given["batch_loss"](torch.arange(size)).backward()
    network.zero_grad(set_to_none=True)
    network.load_state_dict(before)
    return counter.get_total_flops() / size * lesson.given["n_samples"]


# ------------------------------------------------------------------------------- together
def measure(task: str, windows: int, rate: float, epochs: int) -> None:
    """A task's lines; the two trainings start from the same weights."""
    quotes = simulate_quotes(SimulatedMarket(), start=START, days=windows // 48 + 90, seed=0)[0]
    params = {"epochs": epochs, **({} if task in ("anomaly", "pattern") else {"members": 1})}
    lesson = first_lesson(task, quotes, params)
    floor = flop_of_epoch(lesson) / rate
    start = copy.deepcopy(lesson.network.state_dict())
    ours, ours_s = lesson.fit(lesson.given["batch_loss"])
    again = first_lesson(task, quotes, params)
    again.network.load_state_dict(start)
    plain, plain_s = again.fit(usual(task, again))
    size = lesson.given["n_samples"]
    mine, theirs = ours_s / ours.epochs_run, plain_s / plain.epochs_run
    row(f"{task}, an epoch of {size}", mine, theirs, "one sample at a time")
    found = f"best loss {ours.best_loss:.4f}, usual {plain.best_loss:.4f}"
    best = f"{task}, to its best epoch ({ours.best_epoch}, {plain.best_epoch})"
    row(best, mine * ours.best_epoch, theirs * plain.best_epoch, found)
    with torch.no_grad():
        checked = seconds(lesson.given["valid_loss"], runs=3)
    told_apart = f"the floor of learning; {1e3 * checked:.0f} ms of ours validate"
    row(f"{task}, an epoch, the arithmetic", mine, floor, told_apart)


def main() -> None:
    parser = asks(__doc__)
    parser.add_argument("--windows", type=int, default=WINDOWS, help="windows of half-hours, about")
    parser.add_argument("--tasks", nargs="+", choices=ROOMS, default=list(ROOMS))
    parser.add_argument("--epochs", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rate = matmul_rate()
    say(f"matrix product: {rate / 1e9:.0f} GFLOP/s of one thread")
    heading("ours", "usual, floor")
    for task in asked.tasks:
        measure(task, asked.windows, rate, asked.epochs)
    write(asked.json, told(), "seconds of the processor")


if __name__ == "__main__":
    main()
