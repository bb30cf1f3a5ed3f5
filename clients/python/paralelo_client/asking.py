"""How a server is asked: the connection, one call, the pages of a list."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx

from paralelo_client import calls
from paralelo_client.calls import ROOT, Call, plain
from paralelo_client.errors import refusal


class Asking:
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
