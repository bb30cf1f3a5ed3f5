"""What a recogniser remembers of its last call: a quote later only the new row is asked about."""

from __future__ import annotations

import numpy as np
import pytest

from ml.pattern.recognizer import LEAST_PART, Remembered

WINDOW, CHANNELS = 5, 3


class Asked:
    """Answers with sums of a window, and notes which rows it was asked about."""

    def __init__(self, block: np.ndarray) -> None:
        self.block, self.numbers = block, np.empty(0, int)

    def __call__(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        self.numbers = numbers
        windows = np.lib.stride_tricks.sliding_window_view(self.block, WINDOW, axis=0)
        return {"movement": windows[numbers].sum(axis=2)}


@pytest.fixture
def channels() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(200, CHANNELS)).astype(np.float32)


def ask(held: Remembered, channels: np.ndarray, first: int, rows: int) -> tuple[np.ndarray, Asked]:
    """Of the rows first .. first + rows of the market; their windows reach back before them."""
    block = channels[first - WINDOW + 1 : first + rows]
    asked = Asked(block)
    found = held.answers(np.arange(first, first + rows) * 1800, block, asked)
    return found["movement"], asked


def test_a_row_later_only_the_last_ones_are_asked_about(channels):
    held = Remembered()
    _found, asked = ask(held, channels, 10, 97)
    assert len(asked.numbers) == 97
    found, asked = ask(held, channels, 11, 97)
    assert asked.numbers.tolist() == list(range(97 - LEAST_PART, 97))
    np.testing.assert_array_equal(found, ask(Remembered(), channels, 11, 97)[0])


@pytest.mark.parametrize("changed", [12, 40, 60, 106])
def test_a_corrected_row_is_asked_about_again_and_all_whose_window_it_is_in(channels, changed):
    held = Remembered()
    ask(held, channels, 10, 97)
    other = channels.copy()
    other[changed] += 1
    found, asked = ask(held, other, 11, 97)
    fresh = ask(Remembered(), other, 11, 97)[0]
    np.testing.assert_array_equal(found, fresh)
    inside = [n for n in range(97) if n + 11 - WINDOW < changed <= n + 11]
    assert set(inside) <= set(asked.numbers.tolist())


def test_an_earlier_stretch_and_a_shorter_one_are_right(channels):
    held = Remembered()
    ask(held, channels, 50, 97)
    for first, rows in ((20, 97), (60, 30), (61, 40), (100, 97), (10, 10)):
        found, _asked = ask(held, channels, first, rows)
        np.testing.assert_array_equal(found, ask(Remembered(), channels, first, rows)[0])


def test_the_caller_may_change_what_it_was_given(channels):
    held = Remembered()
    found, _asked = ask(held, channels, 10, 97)
    found[:] = 0
    again, _asked = ask(held, channels, 10, 97)
    assert (again != 0).any()
