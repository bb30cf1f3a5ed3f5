"""The server: one thread per request, markets that move, faults per venue, and what was asked."""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.playing.asked import Asked
from tests.playing.faces import FACES
from tests.playing.faults import FAULTS, Answering
from tests.playing.market import Clock, PlayedMarket, Shock

log = logging.getLogger(__name__)
CONTROL = "/_play"


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass
class Fate:
    """A venue's fault, and for how many more requests (None: until it is changed)."""

    fault: str
    times: int | None = None


@dataclass(frozen=True)
class Request:
    venue: str
    path: str
    values: dict[str, Any]
    at: dt.datetime
    agent: str


@dataclass
class Stage:
    """What the requests' threads share."""

    markets: dict[tuple[str, str], PlayedMarket]
    clock: Clock
    fates: dict[str, Fate] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)

    def fault_of(self, venue: str) -> str:
        """The fault of this request, which counts it."""
        with self.lock:
            fate = self.fates.get(venue)
            if fate is None:
                return ""
            if fate.times is not None:
                fate.times -= 1
                if fate.times <= 0:
                    del self.fates[venue]
            return fate.fault


class PlayingServer:
    """A context manager: inside the block every venue plays at `url`.

    `break_venue` and `heal` set faults, `shock` moves a market, `requests` tells what was asked.
    The same is told over HTTP at /_play, for a demo that runs it as a process."""

    def __init__(
        self,
        markets: Iterable[PlayedMarket],
        *,
        port: int = 0,
        clock: Clock = utc_now,
        host: str = "127.0.0.1",
    ) -> None:
        self.stage = Stage({(m.asset, m.fiat): m for m in markets}, clock)
        handler = type("Handler", (_Handler,), {"stage": self.stage})
        self._server = _Server((host, port), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def requests(self) -> list[Request]:
        return list(self.stage.requests)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stage.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def serve(self) -> None:
        """Until interrupted, in this thread."""
        try:
            self._server.serve_forever()
        finally:
            self._server.server_close()

    def break_venue(self, venue: str, fault: str, times: int | None = None) -> None:
        if venue not in FACES or fault not in FAULTS:
            raise KeyError(f"no venue {venue!r} or no fault {fault!r} is played")
        with self.stage.lock:
            self.stage.fates[venue] = Fate(fault, times)

    def heal(self, venue: str | None = None) -> None:
        with self.stage.lock:
            for name in [venue] if venue else list(self.stage.fates):
                self.stage.fates.pop(name, None)

    def shock(self, asset: str, fiat: str, factor: float, seconds: float) -> None:
        market = self.stage.markets[asset, fiat]
        market.shocks.append(Shock(self.stage.clock(), factor, seconds))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that had enough of an answer is no error of ours."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    #: Headers and body leave together: a client's delayed acknowledgement costs 40 ms otherwise.
    wbufsize = -1
    disable_nagle_algorithm = True
    stage: Stage
    _skew = 0

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        values = {name: found[-1] for name, found in parse_qs(parts.query).items()}
        self._play(parts.path, values)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._play(urlsplit(self.path).path, json.loads(body or b"{}"))

    def _play(self, path: str, values: dict[str, Any]) -> None:
        if path == CONTROL:
            self._send(Answering(body=json.dumps(self._control(values)).encode()))
            return
        venue = next((name for name, (begin, _) in FACES.items() if path.startswith(begin)), "")
        if not venue:
            self._send(Answering(status=404, body=b"{}"))
            return
        now = self.stage.clock()
        agent = self.headers.get("User-Agent", "")
        self.stage.requests.append(Request(venue, path, values, now, agent))
        asked = Asked(path, values, now, self.stage.markets)
        self._send(self._answer(venue, asked))

    def _answer(self, venue: str, asked: Asked) -> Answering:
        name = self.stage.fault_of(venue)
        fault = FAULTS[name] if name else None
        if fault and fault.ask:
            asked = fault.ask(asked)
        try:
            data = FACES[venue][1](asked)
        except (KeyError, StopIteration):
            return Answering(status=404, body=b'{"code": 404}')
        if fault and fault.data:
            data = fault.data(data)
        out = Answering(body=json.dumps(data).encode())
        if fault and fault.send:
            fault.send(out)
        return out

    def _control(self, values: dict[str, Any]) -> dict[str, Any]:
        """{"venue", "fault", "times"} breaks a venue, {"venue", "heal": true} heals it, {"asset",
        "fiat", "factor", "seconds"} shocks a market; the answer says how things stand."""
        stage = self.stage
        with stage.lock:
            if values.get("fault") in FAULTS:
                stage.fates[values["venue"]] = Fate(values["fault"], values.get("times"))
            elif values.get("heal"):
                stage.fates.pop(values["venue"], None)
        if "factor" in values:
            market = stage.markets[values["asset"], values["fiat"]]
            market.shocks.append(Shock(stage.clock(), values["factor"], values["seconds"]))
        faults = {venue: fate.fault for venue, fate in stage.fates.items()}
        mids = {f"{a}/{f}": m.mid(stage.clock()) for (a, f), m in stage.markets.items()}
        return {"faults": faults, "markets": mids, "requests": len(stage.requests)}

    def _send(self, out: Answering) -> None:
        if out.hang:
            self.stage.closing.wait(30)
            self.close_connection = True
            return
        self._skew = out.skew
        self.send_response(out.status)
        headers = {"Content-Type": "application/json", **out.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(out.body)))
        self.end_headers()
        try:
            self._send_body(out)
            self.wfile.flush()
        except OSError:
            self.close_connection = True  # the client had enough

    def _send_body(self, out: Answering) -> None:
        if out.cut is not None:
            self.wfile.write(out.body[: out.cut])
            self.close_connection = True
        elif out.drip:
            size = max(1, len(out.body) // 10)
            for start in range(0, len(out.body), size):
                self.wfile.write(out.body[start : start + size])
                self.wfile.flush()
                time.sleep(out.drip)
        else:
            self.wfile.write(out.body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header, by the stage's clock."""
        return format_datetime(self.stage.clock() + dt.timedelta(seconds=self._skew), usegmt=True)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)
