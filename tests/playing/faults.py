"""Every bad way a venue can answer, by name. A fault bends the request's ads, the JSON, or the very
bytes and headers; what is not bent stays healthy, so that only the fault is seen."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from tests.playing.asked import Asked
from tests.playing.market import PlayedAd

#: Names under which any of the venues keeps a price.
PRICES = frozenset(
    {"price", "ask", "bid", "totalAsk", "totalBid", "promedio", "last", "sell", "buy"}
)
_CAPTCHA = b"<!DOCTYPE html><html><body>Please solve this captcha, Invented-000001</body></html>"
_PAGE = b"<!DOCTYPE html><html><body>Maintenance, ask for Invented-000001</body></html>"


@dataclass
class Answering:
    """What goes out: status, headers, body, and how. `cut` sends only so many bytes and closes;
    `drip` waits that long before each tenth of the body; `hang` says nothing at all."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None
    drip: float = 0.0
    hang: bool = False
    #: Seconds the Date header is off.
    skew: int = 0


@dataclass(frozen=True)
class Fault:
    """`ask` bends the request, `data` the JSON, `send` what goes out; each None where healthy."""

    ask: Callable[[Asked], Asked] | None = None
    data: Callable[[Any], Any] | None = None
    send: Callable[[Answering], None] | None = None


def _sends(**changes: Any) -> Fault:
    def send(out: Answering) -> None:
        for name, value in changes.items():
            setattr(out, name, value)

    return Fault(send=send)


def _bends(bend: Callable[[list[PlayedAd]], list[PlayedAd]]) -> Fault:
    return Fault(ask=lambda asked: replace(asked, bend=bend))


def _prices(value: Any, at: Callable[[int], bool] = lambda place: True) -> Fault:
    """Every price (`at` its place in the answer) becomes `value`."""

    def data(answer: Any) -> Any:
        place = -1

        def bent(node: Any, name: str = "") -> Any:
            nonlocal place
            if isinstance(node, dict):
                return {key: bent(entry, key) for key, entry in node.items()}
            if isinstance(node, list):
                return [bent(entry) for entry in node]
            if name in PRICES and node is not None:
                place += 1
                return value if at(place) else node
            return node

        return bent(answer)

    return Fault(data=data)


def _without(*names: str) -> Fault:
    def data(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: data(entry) for key, entry in node.items() if key not in names}
        return [data(entry) for entry in node] if isinstance(node, list) else node

    return Fault(data=data)


def _error_code(answer: Any) -> Any:
    """Each venue's way of refusing inside a 200; free text names somebody, as it may."""
    said = "user Invented-000001 is not allowed"
    if isinstance(answer, dict) and "ret_code" in answer:
        return {"ret_code": 10001, "ret_msg": said, "result": None}
    if isinstance(answer, dict) and "code" in answer:
        return {"code": "000002", "message": said, "msg": said, "data": None, "success": False}
    return {"status": "error", "message": said}


def _cut_in_half(out: Answering) -> None:
    out.body = out.body[: len(out.body) // 2]


def _broken_off(out: Answering) -> None:
    out.cut = len(out.body) // 2


@cache
def _packed() -> bytes:
    return gzip.compress(b" " * 60_000_000)


def _gzipped_bomb(out: Answering) -> None:
    out.headers["Content-Encoding"] = "gzip"
    out.body = _packed()


def _endless(answer: Any) -> Any:
    """A total that no market has."""
    text = json.dumps(answer)
    for name in ("total", "count"):
        text = text.replace(f'"{name}": ', f'"{name}": 9999')
    return json.loads(text)


def _bait(ads: list[PlayedAd]) -> list[PlayedAd]:
    """Two ads far too good, on top, one of them promoted."""
    if len(ads) < 6:
        return ads
    good = 0.6 if ads[0].price < ads[-1].price else 1.5
    baits = [
        replace(ad, number=f"66{i}", price=round(ad.price * good, 3), promoted=bool(i))
        for i, ad in enumerate(ads[:2])
    ]
    return [*baits, *ads]


def _shifted(ads: list[PlayedAd]) -> list[PlayedAd]:
    """Some ads stand twice, as they do when the list moves between two pages."""
    return [ad for i, ad in enumerate(ads) for ad in [ad] * (2 if i % 10 == 3 else 1)]


FAULTS: dict[str, Fault] = {
    # bytes and headers
    "html": _sends(body=_PAGE, headers={"Content-Type": "text/html"}),
    "captcha": _sends(body=_CAPTCHA, headers={"Content-Type": "text/html"}, status=403),
    "challenge": _sends(status=202, body=b"", headers={"x-amzn-waf-action": "challenge"}),
    "truncated": Fault(send=_cut_in_half),
    "broken_off": Fault(send=_broken_off),
    "not_utf8": _sends(body=b'{"code": "\xff\xfe"}'),
    "empty_body": _sends(body=b""),
    "too_large": _sends(body=b'{"pad": "' + b"x" * 40_000_000 + b'"}'),
    "bomb": Fault(send=_gzipped_bomb),
    "slow": _sends(drip=0.2),
    "hang": _sends(hang=True),
    "rate_limited": _sends(status=429, body=b"{}", headers={"Retry-After": "2"}),
    "rate_limited_long": _sends(status=429, body=b"{}", headers={"Retry-After": "900"}),
    "blocked": _sends(status=403, body=b"{}"),
    "server_error": _sends(status=503, body=b"oops"),
    "not_found": _sends(status=404, body=b"{}"),
    "redirect_other": _sends(status=302, body=b"", headers={"Location": "http://example.com/"}),
    "redirect_inside": _sends(
        status=302, body=b"", headers={"Location": "http://169.254.169.254/latest/meta-data"}
    ),
    "clock_ahead": _sends(skew=7200),
    "clock_behind": _sends(skew=-7200),
    "stale_cache": _sends(headers={"Age": "4000"}),
    # what the answer says
    "venue_error": Fault(data=_error_code),
    "missing_field": _without(*PRICES, "USD", "BTC", "quotations"),
    "changed_type": _prices({"amount": "1"}),
    "null_price": _prices(None),
    "zero_price": _prices("0"),
    "negative_price": _prices("-5"),
    "text_price": _prices("call Invented-000001"),
    "huge_price": _prices("1e30"),
    "nan_price": _prices("NaN"),
    "one_bad_price": _prices("0", at=lambda place: place == 4),
    "wrong_currency": Fault(ask=lambda asked: replace(asked, wrong_fiat="XXX")),
    "wrong_side": Fault(ask=lambda asked: replace(asked, wrong_side=True)),
    "huge_total": Fault(data=_endless),
    # what people do
    "empty_book": _bends(lambda ads: []),
    "bait": _bends(_bait),
    "shifted_ads": _bends(_shifted),
    "all_twice": _bends(lambda ads: [ad for ad in ads for ad in (ad, ad, ad)]),
    "offline": _bends(lambda ads: [replace(ad, online=i > 4) for i, ad in enumerate(ads)]),
}
