"""The newest row is asked the fastest way, and what was made for the quote before goes on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ml.pattern.recognizer import LEAST_PART
from ml.pipeline import Fitted
from ml.spec import Source
from tests.markets import regime_market as market
from tests.ml.pattern.test_pipeline import fitted, served


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fitted(market(), tmp_path_factory.mktemp("quick"))


def test_the_newest_row_asked_quickly_is_answered_as_plain_pytorch_does(fit: Fitted) -> None:
    server = served(fit)
    rows = torch.randn(5, server.window, len(fit.section["channels"]))
    with torch.inference_mode():
        plain, quick = server.together(rows), server.quick(rows)
        alone = [server.quick(row[None]) for row in rows]
    for place, answer in enumerate(plain):
        torch.testing.assert_close(quick[place], answer, atol=1e-5, rtol=1e-5)
        one_by_one = torch.cat([told[place] for told in alone])
        torch.testing.assert_close(one_by_one, answer, atol=1e-5, rtol=1e-5)


def test_without_a_faster_way_the_answers_are_the_same(fit: Fitted, monkeypatch) -> None:
    quotes = market()
    at = quotes.index[-1]
    quick = served(fit).recognize(quotes, at=at, history=2, source=Source.NETWORK)
    monkeypatch.setattr("ml.inference._onnxruntime", lambda *_how: None)
    server = served(fit)
    plain = server.recognize(quotes, at=at, history=2, source=Source.NETWORK)
    assert server.quick.least == LEAST_PART
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
