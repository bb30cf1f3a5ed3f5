"""The web server: waitress, which reads a request to its end before a thread sees it, so that
connections that stall cost no thread (bench/stalled.py measures it beside others). One process:
torch does not survive a fork, and its work leaves the interpreter to other threads."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

#: Seconds that a start waits, at most, for the models of the market that was asked for last. Nobody
#: is asked at a start without models.
WARM_SECONDS = 5.0
#: Threads that answer, connections that may wait for one, bytes of the longest body (Django's own
#: limit is 4 MB and answers in the API's shape; this one keeps the disk free).
THREADS, CONNECTIONS, LONGEST_BODY = 8, 1000, 16 * 1024 * 1024


def options() -> dict[str, Any]:
    """What waitress is told; refuses an address that others can reach while DEBUG is on."""
    debug = os.environ.get("PARALELO_DEBUG", "1").strip().lower() in ("1", "true", "yes", "on", "")
    address = os.environ.get("PARALELO_BIND", "127.0.0.1").strip()
    if debug and address not in ("127.0.0.1", "localhost", "::1"):
        raise SystemExit("With PARALELO_DEBUG=1 the server listens on the loopback interface only.")
    host = f"[{address}]" if ":" in address else address
    return {
        "listen": f"{host}:{os.environ.get('PORT', '8000')}",
        "threads": THREADS,
        "connection_limit": CONNECTIONS,
        "channel_timeout": 30,
        "max_request_body_size": LONGEST_BODY,
        # What a proxy says of itself must be seen: p2p.middleware trusts no request that has it.
        "clear_untrusted_proxy_headers": False,
        "ident": None,
    }


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    found = options()
    # Before torch loads: spinning threads starve their neighbours.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from waitress import create_server

    from p2p.wsgi import application

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Only here: commands, checks and the worker ask for no first answer.
    from analytics.services.forecasts.warming import models_warm_in_background

    models_warm_in_background().wait(WARM_SECONDS)
    server = create_server(application, **found)  # it listens from here on
    print(f"Paralelo is at http://{found['listen']}/ (Ctrl-C ends it)", flush=True)
    server.run()


if __name__ == "__main__":
    main()
