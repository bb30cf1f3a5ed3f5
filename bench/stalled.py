"""`python -m bench.stalled PORT [N]`: how fast a server answers, idle and while N connections stall
in the middle of a request (every other one within its body)."""

from __future__ import annotations

import http.client
import socket
import statistics
import sys
import time

PATH = "/api/v1/analytics/markets"
HEAD = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
BODY = (
    "POST /api/v1/analytics/dl/predict-price HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"
)


def answer_seconds(port: int, patience: float = 6.0) -> float:
    """One whole request; raises TimeoutError."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
    try:
        connection.request("GET", PATH)
        connection.getresponse().read()
    finally:
        connection.close()
    return time.perf_counter() - started


def stall(port: int, count: int) -> list[socket.socket]:
    """Open connections that never finish what they ask."""
    opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    for number, one in enumerate(opened):
        one.sendall((BODY if number % 2 else HEAD).encode())
    return opened


def main(port: int, count: int) -> str:
    idle = [answer_seconds(port) for _ in range(35)][5:]
    stalled = stall(port, count)
    try:
        busy = f"{1000 * answer_seconds(port):.0f} ms"
    except TimeoutError:
        busy = "no answer in 6 s"
    for one in stalled:
        one.close()
    return f"idle p50 {1000 * statistics.median(idle):.1f} ms; {count} stalled: {busy}"


if __name__ == "__main__":
    told = main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10)
    sys.stdout.write(f"{told}\n")
