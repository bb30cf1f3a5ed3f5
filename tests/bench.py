"""`make bench`: how fast the parts are, each as a ratio to a plain way of doing the same that is
measured in the same run. Nothing here asserts: machines differ, ratios tell. With `--json FILE` the
lines are written there too."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import time
from typing import Any

from bench.speed.measuring import asks, heading, row, seconds, told, write
from tests.bench_serving import bench_serving

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
QUOTES = 1000


def bench_inference() -> None:
    import torch

    import ml

    torch.manual_seed(0)
    network = torch.nn.LSTM(8, 64, 2, batch_first=True)

    class Last(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = network, torch.nn.Linear(64, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.body(x)[0][:, -1])

    model, example = Last().eval(), (torch.randn(1, 60, 8),)
    fast = ml.optimize_model_for_inference(model, example)

    def plain() -> None:
        with torch.no_grad():
            model(*example)

    row(
        f"one prediction ({fast.path})",
        seconds(lambda: fast(*example), runs=50),
        seconds(plain, runs=50),
        "eager PyTorch, LSTM 2x64, 60 steps",
    )


def bench_windows() -> None:
    import numpy as np
    import torch

    values = torch.randn(20_000, 10)
    order = np.random.default_rng(0).permutation(19_900)

    def strided() -> None:
        view = values.unfold(0, 48, 1)
        for batch in torch.from_numpy(order).split(256):
            view[batch]

    def one_by_one() -> None:
        for start in range(0, len(order), 256):
            torch.stack([values[i : i + 48].T for i in order[start : start + 256]])

    row("windows of an epoch", seconds(strided, runs=3), seconds(one_by_one, runs=3), "one by one")


def bench_prices(market: Any) -> None:
    from django.db import transaction

    from analytics.models import Market, PriceHistory
    from analytics.selectors.frames import price_frame
    from analytics.services.prices.posting import price_bulk_add

    frame = price_frame(market, last=QUOTES)
    rows = [
        {"timestamp": moment.isoformat(), "bid": bid, "ask": ask}
        for moment, bid, ask in zip(frame.index, frame["bid"], frame["ask"], strict=True)
        if bid == bid and ask == ask
    ]

    def bulk() -> None:
        target = Market.objects.create(asset="A", fiat="B", exchange=f"x{time.time_ns()}")
        price_bulk_add(rows=rows, market=target)

    def one_by_one() -> None:
        target = Market.objects.create(asset="A", fiat="B", exchange=f"x{time.time_ns()}")
        with transaction.atomic():
            for one in rows:
                PriceHistory.objects.create(
                    market=target,
                    timestamp=dt.datetime.fromisoformat(one["timestamp"]),
                    bid=one["bid"],
                    ask=one["ask"],
                )

    row(
        f"{len(rows)} quotes written",
        seconds(bulk, runs=3),
        seconds(one_by_one, runs=3),
        "create()",
    )

    def objects() -> None:
        list(PriceHistory.objects.filter(market=market).order_by("timestamp"))

    row(
        "a history read as a frame",
        seconds(lambda: price_frame(market)),
        seconds(objects),
        "as rows",
    )


def bench_forecast(market: Any, home: str) -> None:
    """A network of one epoch: a longer training answers in the same time."""
    import ml
    from analytics.selectors.frames import price_frame
    from analytics.selectors.recent import recent_quotes

    frame = price_frame(market)
    report = ml.DLModelTrainer(home, device="cpu").train("lstm", frame, epochs=1)
    predictor = ml.DLPredictor.load(report.folder)
    last = frame.index[-1:].floor(f"{report.step_minutes}min")
    for name, quotes in (
        ("a forecast from stored history", frame),
        ("a forecast from a window alone", frame.iloc[-2 * report.window :]),
    ):
        row(
            name,
            seconds(lambda quotes=quotes: predictor.predict_price(quotes), runs=30),
            seconds(lambda quotes=quotes: predictor.forecast_batch(quotes, last), runs=10),
            "the way of a backtest, one origin",
        )
    span = {"since": frame.index[0].to_pydatetime(), "until": frame.index[-1].to_pydatetime()}
    row(
        "prices kept between requests",
        seconds(lambda: recent_quotes(market, **span), runs=20),
        seconds(lambda: price_frame(market, **span)),
        "read as a frame",
    )


def main() -> None:
    asked = asks(__doc__).parse_args()
    _measure()
    write(asked.json, told(), "seconds of the processor")


def _measure() -> None:
    with tempfile.TemporaryDirectory(prefix="paralelo-bench-") as home:
        os.environ["PARALELO_TEST_HOME"] = home
        import django

        django.setup()
        from django.core.management import call_command

        from analytics.services.prices.simulation import price_simulate

        call_command("migrate", verbosity=0)
        heading()
        bench_inference()
        bench_windows()
        market = price_simulate(days=120, seed=0)
        bench_prices(market)
        bench_forecast(market, home)
        bench_serving(market)


if __name__ == "__main__":
    main()
