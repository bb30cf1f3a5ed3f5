"""The newest row is asked the fastest way, and what was made for the quote before goes on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.pattern.recognizer import LEAST_PART, least_part
from ml.pipeline import Fitted
from ml.spec import Source
from tests.markets import regime_market as market
from tests.ml.pattern.test_pipeline import CONFIG, fitted, served


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fitted(market(), tmp_path_factory.mktemp("quick"))


def test_the_graph_answers_as_plain_pytorch_does_however_many_are_asked(fit: Fitted) -> None:
    quick, plain = served(fit).network, served(replace(fit, graph=None), "eager").network
    assert (quick.path, plain.path) == ("onnxruntime", "eager")
    shape = (5, CONFIG.window, len(fit.section["channels"]))
    rows = np.random.default_rng(0).normal(size=shape).astype("float32")
    together, alone = quick.arrays(rows), [quick.arrays(row[None]) for row in rows]
    for place, answer in enumerate(plain.arrays(rows)):
        np.testing.assert_allclose(together[place], answer, atol=1e-5, rtol=1e-5)
        one_by_one = np.concatenate([told[place] for told in alone])
        np.testing.assert_array_equal(one_by_one, together[place])


def test_without_a_faster_way_the_answers_are_the_same(fit: Fitted) -> None:
    quotes = market()
    at = quotes.index[-1]
    quick = served(fit).recognize(quotes, at=at, history=2, source=Source.NETWORK)
    server = served(replace(fit, graph=None), "eager")
    plain = server.recognize(quotes, at=at, history=2, source=Source.NETWORK)
    assert least_part(server.network) == LEAST_PART
    assert (plain.current.label, plain.current.held) == (quick.current.label, quick.current.held)
    for head, told in plain.current.heads.items():
        assert told == pytest.approx(quick.current.heads[head], abs=1e-5)


def test_a_history_that_begins_a_quote_later_goes_on(fit: Fitted) -> None:
    """A side that is missing where the history is cut off: an earlier quote spoke for it before."""
    quotes, server = market(5000), served(fit)
    quotes.iloc[:1000:2, 0] = np.nan
    known = []
    for end in range(len(quotes) - 12, len(quotes)):
        frame = quotes.iloc[end - 4500 : end + 1]
        server.recognize(frame, at=frame.index[-1], history=0, source=Source.NETWORK)
        course = server._stands.course
        known.append(len(course.seconds) - course.known)
    assert known[1:] == [1] * 11
