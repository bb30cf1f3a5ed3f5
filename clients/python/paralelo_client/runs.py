"""A training: followed to its end, or cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paralelo_client import calls
from paralelo_client.errors import RunFailed

if TYPE_CHECKING:
    from paralelo_client.client import Client

ENDED = frozenset({"succeeded", "failed", "cancelled"})


class Run:
    """`state` is what the server said of it last: status, stage, progress, eta_seconds, losses."""

    def __init__(self, client: Client, number: int) -> None:
        self._client = client
        self._etag: str | None = None
        self.id = number
        self.state: dict[str, Any] = {"id": number, "status": "queued"}

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.state['status']}>"

    def refresh(self) -> bool:
        """Ask how far it is; True where anything has changed since the last time."""
        found = self._client.changed(calls.RUN, self._etag, number=self.id)
        if found is None:
            return False
        self.state, self._etag = found
        return True

    def wait(
        self,
        progress: Callable[[dict[str, Any]], None] | None = None,
        *,
        every: float = 1.0,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Its state once it has succeeded. `progress` is told of every change. Raises RunFailed
        where it failed or was cancelled, and TimeoutError after `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            if self.refresh() and progress is not None:
                progress(self.state)
            if self.state["status"] in ENDED:
                break
            if until is not None and time.monotonic() + every > until:
                raise TimeoutError(f"Run {self.id} is still {self.state['status']}.")
            time.sleep(every)
        if self.state["status"] == "succeeded":
            return self.state
        code = self.state["error_code"] or self.state["status"]
        raise RunFailed(code, self.state["error_message"] or f"The run was {code}.")

    def cancel(self) -> dict[str, Any]:
        """Ask for its end: at once where it is queued, else after its epoch."""
        self.state = self._client.ask(calls.CANCEL_RUN, number=self.id)
        self._etag = None
        return self.state
