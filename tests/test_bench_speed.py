"""The benches of speed measure what they say."""

from __future__ import annotations

import http.server
import threading
import time

import pytest
import torch

from bench.speed.asking import Question, ask_at, ask_on
from bench.speed.training import START, first_lesson, flop_of_epoch, usual
from ml.simulate import SimulatedMarket, simulate_quotes

#: Seconds that the server of the test takes for an answer; it gives one at a time.
SLOW = 0.05


class _Slow(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    one = threading.Lock()

    def do_GET(self) -> None:
        with self.one:
            time.sleep(SLOW)
        self.send_response(200 if self.path == "/good" else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_given: object) -> None:
        pass


@pytest.fixture
def port():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield server.server_port
    server.shutdown()
    serving.join()
    server.server_close()


def test_a_pace_that_is_not_kept_is_seen_in_the_answers(port):
    """Clients that wait for their answer would each see SLOW, however far the server is behind."""
    patient = ask_on(port, Question("/good"), clients=1, seconds=0.5)
    hurried = ask_at(port, [Question("/good")], per_second=200, seconds=0.15)
    assert len(hurried.seconds) == 30
    assert 1e3 * max(hurried.seconds) > 4 * patient.quantile(0.5)


def test_what_is_no_success_is_an_error_and_no_answer(port):
    found = ask_on(port, Question("/bad"), clients=2, seconds=0.2)
    assert found.seconds == []
    assert found.errors[0].startswith("ValueError: 503")


@pytest.fixture(scope="module")
def quotes():
    return simulate_quotes(SimulatedMarket(), start=START, days=60, seed=0)[0]


def test_the_usual_loop_learns_from_the_same_samples(quotes):
    lesson = first_lesson("anomaly", quotes, {"epochs": 1, "members": 1})
    numbers = torch.arange(16)
    lesson.network.eval()
    ours, theirs = (
        loss(numbers) for loss in (lesson.given["batch_loss"], usual("anomaly", lesson))
    )
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("task", ["price", "pattern"])
def test_the_usual_loop_of_what_is_augmented_has_losses_alike(quotes, task):
    lesson = first_lesson(task, quotes, {"epochs": 1})
    numbers = torch.arange(lesson.given["config"].batch_size)
    lesson.network.eval()
    ours, theirs = (loss(numbers) for loss in (lesson.given["batch_loss"], usual(task, lesson)))
    assert ours.item() == pytest.approx(theirs.item(), rel=0.2)


def test_the_arithmetic_of_an_epoch_leaves_the_network_as_it_was(quotes):
    lesson = first_lesson("anomaly", quotes, {"epochs": 1, "members": 1})
    before = [weight.clone() for weight in lesson.network.parameters()]
    # Each weight of a layer is used once a row at least: two operations forward, four backward.
    rows = lesson.given["n_samples"]
    weights = sum(w.numel() for w in lesson.network.parameters() if w.ndim > 1)
    assert flop_of_epoch(lesson) > 2 * rows * weights
    assert all(map(torch.equal, before, lesson.network.parameters()))
