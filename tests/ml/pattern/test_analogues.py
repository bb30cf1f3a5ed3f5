"""Similar moments of the past: which may answer, and whether their answer is worth something."""

from __future__ import annotations

import numpy as np
import pytest

from ml.pattern.analogues import COUNT, LEAST, Library, Scaler, find_analogues
from ml.pattern.course import DAY
from ml.pattern.proof import as_metrics, from_metrics, prove, sample_crps

SECONDS = 86400
HOUR = 3600


def library(days: int = 200, *, informative: bool = True, seed: int = 0) -> Library:
    """Two kinds of moments, a kind a day; where `informative`, the point tells the kind and the
    kind the move. The rule calls them all the same."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(0, days * SECONDS, 2 * HOUR)
    kind = rng.integers(0, 2, days)[seconds // SECONDS] * 2.0 - 1
    points = kind[:, None] * informative + rng.normal(0, 0.1, (len(seconds), 4))
    moves = kind + rng.normal(0, 0.2, len(seconds))
    paths = np.outer(moves, np.linspace(-1, 1, 2 * DAY + 1)).astype(np.float32)
    return Library(seconds, points, moves, paths, np.zeros(len(seconds), dtype=int))


def test_only_a_moment_whose_next_day_is_over_may_answer() -> None:
    book = library()
    now = 50 * SECONDS
    stop = book.until(now, SECONDS)
    assert book.seconds[stop - 1] + SECONDS <= now < book.seconds[stop] + SECONDS
    altered = Library(
        book.seconds,
        np.where((book.seconds + SECONDS > now)[:, None], 0.0, book.points),
        np.where(book.seconds + SECONDS > now, 99.0, book.moves),
        book.paths,
        book.regimes,
    )
    options = {"now": now, "day": SECONDS, "scale": 0.01, "gain": None}
    point = np.zeros(4)
    one, two = (find_analogues(b, point, **options) for b in (book, altered))
    assert one == two
    assert one is not None
    assert not one.proven


def test_the_nearest_come_first_and_lie_a_day_apart() -> None:
    book = library()
    found, distance = book.nearest(book.points[-1], len(book), SECONDS)
    assert len(found) == COUNT
    assert np.all(np.diff(distance) >= 0)
    assert found[0] == len(book) - 1
    assert np.diff(np.sort(book.seconds[found])).min() >= SECONDS


def test_an_entry_exactly_a_day_from_another_may_answer_too() -> None:
    book = library(60, seed=3)
    point, stop = np.zeros(4), len(book) - 5
    found, distance = book.nearest(point, stop, SECONDS)
    apart = np.sqrt(((book.points[:stop] - point) ** 2).sum(1) / 2)
    picked: list[int] = []
    for entry in np.argsort(apart, kind="stable"):
        gaps = [abs(book.seconds[entry] - book.seconds[other]) for other in picked]
        if len(picked) < COUNT and all(gap >= SECONDS for gap in gaps):
            picked.append(int(entry))
    assert found.tolist() == picked
    np.testing.assert_array_equal(distance, apart[picked])


def test_moves_are_told_in_the_scale_of_today() -> None:
    book = library()
    point = np.ones(4)
    options = {"now": 400 * SECONDS, "day": SECONDS, "gain": (-0.2, -0.3, -0.1)}
    small, large = (find_analogues(book, point, scale=s, **options) for s in (0.01, 0.02))
    assert small is not None
    assert large is not None
    assert small.quantiles["0.5"] == pytest.approx(0.01, rel=0.2)
    assert large.quantiles["0.5"] == pytest.approx(2 * small.quantiles["0.5"])
    # One kind of move among the alike, both kinds among all.
    width, every = (d["0.95"] - d["0.05"] for d in (small.quantiles, small.any_quantiles))
    assert width < every / 2
    assert small.proven
    first = small.nearest[0]
    assert len(first.before) == len(first.after) == DAY + 1
    assert first.after[0] == first.before[-1] == 0
    assert first.move == first.after[-1]


def test_too_short_a_past_has_no_analogues() -> None:
    book = library(LEAST)
    options = {"now": LEAST * SECONDS, "day": SECONDS, "scale": 0.01, "gain": None}
    assert find_analogues(book, np.ones(4), **options) is None


def test_what_carries_no_news_is_not_proven_and_what_does_is() -> None:
    good = prove(library(), 100 * SECONDS, SECONDS)
    assert good is not None
    assert good[1] <= good[0] <= good[2] < 0
    empty = prove(library(informative=False), 100 * SECONDS, SECONDS)
    assert empty is not None
    assert empty[2] > 0
    assert prove(library(3), 2 * SECONDS, SECONDS) is None
    assert from_metrics(as_metrics(good)) == good
    assert from_metrics(as_metrics(None)) is None


def test_the_crps_of_a_sample() -> None:
    assert sample_crps(np.array([1.0]), 3.0) == 2
    rng = np.random.default_rng(0)
    draws = rng.normal(size=20000)
    # The CRPS of a standard normal at its centre is (sqrt(2) - 1) / sqrt(pi).
    assert sample_crps(draws, 0.0) == pytest.approx((2**0.5 - 1) / np.pi**0.5, abs=0.01)


def test_a_newer_stretch_adds_only_what_came_later() -> None:
    book = library()
    early = Library(*(v[:600] for v in vars(book).values()))
    late = Library(*(v[500:] for v in vars(book).values()))
    joined = early.joined(late)
    np.testing.assert_array_equal(joined.seconds, book.seconds)
    np.testing.assert_array_equal(joined.moves, book.moves)
    again = Library.from_tensors(joined.to_tensors())
    for one, two in zip(vars(again).values(), vars(joined).values(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_embedding_and_channels_count_the_same_in_a_distance() -> None:
    rng = np.random.default_rng(0)
    raw = np.hstack([rng.normal(3, 5, (500, 32)), rng.normal(0, 0.1, (500, 7))])
    points = Scaler.fit(raw, (32, 7))(raw)
    assert (points[:, :32] ** 2).sum(1).mean() == pytest.approx(1, rel=1e-3)
    assert (points[:, 32:] ** 2).sum(1).mean() == pytest.approx(1, rel=1e-3)
