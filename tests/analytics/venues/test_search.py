"""The search for the best orders, beside trying every set of them."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.venues.search import MOST_NODES, Piece, best_filling

D = Decimal


def brute_force(pieces, amount, most_orders, exact):
    """The best score over every set of pieces, each filled in the best way."""
    best = (D(0), D(0))
    for size in range(1, min(most_orders, len(pieces)) + 1):
        for chosen in combinations(sorted(pieces, key=lambda p: -p.worth), size):
            left = amount - sum(p.low for p in chosen)
            if left < 0 or any(p.low > p.high for p in chosen):
                continue
            filled = value = D(0)
            for piece in chosen:
                units = piece.low + min(left, piece.high - piece.low)
                left -= units - piece.low
                filled, value = filled + units, value + units * piece.worth
            score = (filled if exact else D(0), value)
            best = score if best == (0, 0) else max(best, score)
    return best


@settings(max_examples=250, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 60), st.integers(1, 30)),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 150),
    st.integers(1, 5),
    st.booleans(),
)
def test_the_search_finds_what_trying_everything_finds(raw, amount, most_orders, exact):
    sign = -1 if exact else 1
    pieces = [Piece(D(low), D(low + more), D(sign * worth)) for low, more, worth in raw]
    found = best_filling(pieces, D(amount), most_orders=most_orders, exact=exact)
    value = sum(
        (u * p.worth for u, p in zip(found.units, pieces, strict=True) if u is not None), D(0)
    )
    assert found.proven
    assert value == found.value
    assert (found.filled if exact else D(0), value) == brute_force(
        pieces, D(amount), most_orders, exact
    )


def test_a_hard_book_is_given_up_in_time_and_says_so():
    """Two hundred ads of one fixed size each: the search stops at its bound, never worse than
    filling from the best price down."""
    pieces = [Piece(D(97 + i % 13), D(97 + i % 13), D(1) / (1000 + i)) for i in range(200)]
    found = best_filling(pieces, D(731), most_orders=8, exact=False)
    greedy, left = D(0), D(731)
    for piece in pieces:
        if piece.low <= left:
            greedy, left = greedy + piece.low * piece.worth, left - piece.low
    assert found.value >= greedy
    assert found.filled <= 731
    assert isinstance(found.proven, bool)
    assert MOST_NODES <= 20_000
