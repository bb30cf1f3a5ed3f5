"""The client: a method per task of docs/api.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, cast

from paralelo_client import calls
from paralelo_client.asking import Asking
from paralelo_client.calls import Moment, Sequence, plain
from paralelo_client.errors import ParaleloError, refusal
from paralelo_client.records import (
    AmountAnswer,
    Market,
    PriceAnswer,
    PriceAnswers,
    Quote,
    ScanAnswer,
    Task,
)
from paralelo_client.runs import Run


class Client(Asking):
    """Talks to one server. Use it as a context manager, or `close` it."""

    # ------------------------------------------------------------------- markets and quotes
    def markets(self) -> list[Market]:
        """Every market."""
        return cast(list[Market], list(self.pages(calls.MARKETS)))

    def market_id(self, market: int | str) -> int:
        """The number of a market, given that or its symbol."""
        if isinstance(market, int):
            return market
        found = [one for one in self.markets() if one["symbol"].lower() == market.lower()]
        if not found:
            raise ParaleloError("unknown_market", f"There is no market {market}.")
        return found[0]["id"]

    def prices(
        self, market: str | None = None, *, start: Moment | None = None, end: Moment | None = None
    ) -> Iterator[Quote]:
        """Quotes, newest first, page after page; both ends are included."""
        span = {"from": start, "to": end}
        return cast(Iterator[Quote], self.pages(calls.PRICES, market=market, **span))

    def export(
        self, market: int | str, *, start: Moment | None = None, end: Moment | None = None
    ) -> Iterator[Quote]:
        """All quotes, oldest first, in one streamed answer."""
        asked = {"format": "jsonl", "from": start, "to": end}
        request = self._request(calls.EXPORT, self.market_id(market), asked)
        response = self._http.send(request, stream=True)
        try:
            if response.is_error:
                response.read()
                raise refusal(response)
            for line in response.iter_lines():
                yield cast(Quote, json.loads(line))
        finally:
            response.close()

    def add_prices(
        self, market: str, rows: Iterable[Mapping[str, Any]], *, create_market: bool = False
    ) -> dict[str, Any]:
        """Add quotes (staff): how many are new, updated, unchanged."""
        sent = [{name: plain(value) for name, value in row.items()} for row in rows]
        found = self.ask(calls.ADD_PRICES, market=market, rows=sent, create_market=create_market)
        return cast(dict[str, Any], found)

    def price_for_amount(
        self,
        market: int | str,
        side: Literal["buy", "sell"],
        amount: float,
        *,
        currency: Literal["fiat", "asset"] = "fiat",
        payment: str | None = None,
        min_completion: float | None = None,
    ) -> AmountAnswer:
        """What a person would really pay or get, from the latest kept order book."""
        asked = {"side": side, "amount": amount, "currency": currency}
        return cast(
            AmountAnswer,
            self.ask(
                calls.AMOUNT,
                number=self.market_id(market),
                payment=payment,
                min_completion=min_completion,
                **asked,
            ),
        )

    # -------------------------------------------------------------------------- the networks
    def model_info(self, market: str | None = None) -> dict[str, Any]:
        """Device, and who answers per market and task."""
        return cast(dict[str, Any], self.ask(calls.MODEL_INFO, market=market))

    def predict_price(
        self,
        market: str | None = None,
        *,
        sequence: Sequence | None = None,
        at: Moment | None = None,
    ) -> PriceAnswer:
        """A price and its quantiles per horizon."""
        asked: dict[str, Any] = {"market": market, "sequence": sequence, "at": at}
        return cast(PriceAnswer, self.ask(calls.PREDICT_PRICE, **asked))

    def predict_spread(
        self,
        market: str | None = None,
        *,
        sequence: Sequence | None = None,
        at: Moment | None = None,
    ) -> dict[str, Any]:
        """A spread in percent and its quantiles per horizon."""
        asked: dict[str, Any] = {"market": market, "sequence": sequence, "at": at}
        return cast(dict[str, Any], self.ask(calls.PREDICT_SPREAD, **asked))

    def predict_prices(self, markets: Iterable[str], *, at: Moment | None = None) -> PriceAnswers:
        """The same of up to 100 markets in one request: `forecasts`, and `failed` with why the
        others have none. Raises ParaleloError where none has one."""
        asked: dict[str, Any] = {"markets": list(markets), "at": at}
        return cast(PriceAnswers, self.ask(calls.PREDICT_PRICE, **asked))

    def predict_spreads(
        self, markets: Iterable[str], *, at: Moment | None = None
    ) -> dict[str, Any]:
        """As `predict_prices`, of the spread."""
        asked: dict[str, Any] = {"markets": list(markets), "at": at}
        return cast(dict[str, Any], self.ask(calls.PREDICT_SPREAD, **asked))

    def detect_anomalies(
        self,
        market: str | None = None,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        **options: Any,
    ) -> ScanAnswer:
        """Anomalies of stored history or of a `sequence`. Options: threshold, alarm_rate or
        sensitivity; mode."""
        span: dict[str, Any] = {"from": start, "to": end}
        return cast(ScanAnswer, self.ask(calls.DETECT, market=market, **span, **options))

    def recognize_patterns(
        self, market: str | None = None, *, history: int = 0, **options: Any
    ) -> dict[str, Any]:
        """The present regime, and similar moments. Options: sequence, at."""
        found = self.ask(calls.RECOGNIZE, market=market, history=history, **options)
        return cast(dict[str, Any], found)

    def train(self, task: Task, market: str | None = None, **parameters: Any) -> Run:
        """Queue a training (staff); parameters are the family's, and family, device, until."""
        queued = self.ask(calls.TRAIN, task=task, market=market, **parameters)
        return Run(self, queued["run_id"])

    # ------------------------------------------------------------------------ what was stored
    def forecasts(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Stored forecasts, newest first, filtered by market, task, source."""
        return self.pages(calls.FORECASTS, **filters)

    def anomaly_events(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Events, newest first, filtered by market, open, severity, min_score, feedback."""
        return self.pages(calls.EVENTS, **filters)

    def judge(self, event: int, *, true_alarm: bool, note: str = "") -> dict[str, Any]:
        """Say whether an event was a true or a false alarm (staff)."""
        said = "true" if true_alarm else "false"
        return cast(dict[str, Any], self.ask(calls.JUDGE, number=event, feedback=said, note=note))

    def families(self, task: Task | None = None) -> list[dict[str, Any]]:
        """What can be trained, with every parameter's range."""
        return cast(list[dict[str, Any]], self.ask(calls.FAMILIES, task=task))
