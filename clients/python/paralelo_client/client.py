"""The client: a method per task of docs/api.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self, cast

import httpx

from paralelo_client import calls
from paralelo_client.calls import ROOT, Call, Moment, Sequence, plain
from paralelo_client.errors import ParaleloError, refusal
from paralelo_client.records import AmountAnswer, Market, PriceAnswer, Quote, ScanAnswer, Task
from paralelo_client.runs import Run


class Client:
    """Talks to one server. Use it as a context manager, or `close` it."""

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:8000",
        *,
        token: str | None = None,
        language: str = "en",
        timeout: float = 60.0,
    ) -> None:
        headers = {"Accept-Language": language}
        if token:
            headers["Authorization"] = f"Token {token}"
        self._http = httpx.Client(
            base_url=base_url.rstrip("/") + ROOT, headers=headers, timeout=timeout
        )

    @classmethod
    def login(cls, base_url: str, username: str, password: str, **options: Any) -> Self:
        """A client with the token of an account."""
        with cls(base_url, **options) as guest:
            found = guest.ask(calls.TOKEN, username=username, password=password)
        return cls(base_url, token=found["token"], **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    # ------------------------------------------------------------------------------- asking
    def ask(self, call: Call, *, number: int | None = None, **values: Any) -> Any:
        """What a call answers. Raises ParaleloError where it is refused, httpx.HTTPError where the
        server cannot be reached."""
        response = self._http.send(self._request(call, number, values))
        if response.is_error:
            raise refusal(response)
        return response.json() if response.content else None

    def changed(
        self, call: Call, etag: str | None, *, number: int | None = None, **values: Any
    ) -> tuple[Any, str] | None:
        """What a GET answers, and its ETag; None while it is what that `etag` stands for."""
        request = self._request(call, number, values)
        if etag:
            request.headers["If-None-Match"] = etag
        response = self._http.send(request)
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return None
        if response.is_error:
            raise refusal(response)
        return response.json(), response.headers["ETag"]

    def _request(self, call: Call, number: int | None, values: dict[str, Any]) -> httpx.Request:
        given = {name: plain(value) for name, value in values.items() if value is not None}
        query = {name: given.pop(name) for name in call.query if name in given}
        if not call.open_body and (wrong := given.keys() - set(call.body)):
            raise TypeError(f"{call.path} takes no {', '.join(sorted(wrong))}")
        query = {n: str(v).lower() if isinstance(v, bool) else v for n, v in query.items()}
        body = None if call.method == "GET" else given
        return self._http.build_request(
            call.method, call.path.format(id=number), params=query, json=body
        )

    def pages(self, call: Call, **values: Any) -> Iterator[dict[str, Any]]:
        """The rows of a list, page after page."""
        page = self.ask(call, **{"page_size": 1000, **values})
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            # Its query alone: the token goes to no other host that an address may name.
            place = httpx.URL(page["next"]).params
            response = self._http.get(call.path, params=place)
            if response.is_error:
                raise refusal(response)
            page = response.json()

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
