"""gunicorn: threads, one worker per two cores, never --preload (torch does not survive a fork)."""

import os

_debug = os.environ.get("PARALELO_DEBUG", "1").strip().lower() in ("1", "true", "yes", "on", "")
_address = os.environ.get("PARALELO_BIND", "127.0.0.1").strip()
if _debug and _address not in ("127.0.0.1", "localhost", "::1"):
    raise SystemExit("With PARALELO_DEBUG=1 the server listens on the loopback interface only.")

bind = f"{f'[{_address}]' if ':' in _address else _address}:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("PARALELO_WEB_WORKERS", "1"))
threads = 8
timeout = 120
graceful_timeout = 3
accesslog = None
loglevel = "warning"
raw_env = ["OMP_WAIT_POLICY=PASSIVE", "OMP_NUM_THREADS=1"]
control_socket_disable = True


def when_ready(server):
    print(f"Paralelo is at http://{bind}/ (Ctrl-C ends it)", flush=True)
