"""Traces arrive at a collector that speaks OTLP, and say of which request or run they are."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from p2p import tracing
from tests import factories

ASK = """
import sys
from wsgiref.util import setup_testing_defaults
from p2p.wsgi import application
for path in sys.argv[1:]:
    environ = {"PATH_INFO": path, "HTTP_X_REQUEST_ID": "asked-1", "REMOTE_ADDR": "127.0.0.1"}
    setup_testing_defaults(environ)
    statuses = []
    b"".join(application(environ, lambda status, *_: statuses.append(status)))
    print(path, *statuses)
print("opentelemetry" in sys.modules)
"""
MARKETS = "/api/v1/analytics/markets"


class Collector:
    """What was sent: (service, span) each."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        taken = self.spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
                    ExportTraceServiceRequest,
                )

                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
                    service = attributes(sent.resource)["service.name"]
                    taken.extend((service, span) for one in sent.scope_spans for span in one.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def named(self, name: str) -> list[tuple[str, Any]]:
        return [(service, span) for service, span in self.spans if span.name == name]


def attributes(holder: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value"), None) for a in holder.attributes}


@pytest.fixture
def collector(monkeypatch) -> Iterator[Collector]:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


def done(*words: str, **environment: str) -> str:
    asked = {**os.environ, **environment}
    ran = subprocess.run(
        [sys.executable, *words], env=asked, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_a_request_leaves_a_span_with_its_id_and_a_probe_none(collector, for_children):
    factories.make_market()
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    said = done("-c", ASK, MARKETS, "/healthz", "/readyz", "/live/", **where)
    assert f"{MARKETS} 200 OK" in said
    assert "/healthz 200 OK" in said
    servers = [
        (service, span) for service, span in collector.spans if span.kind == span.SPAN_KIND_SERVER
    ]
    ((service, request),) = servers
    assert service == "paralelo-web"
    assert MARKETS.strip("/") in request.name
    assert attributes(request)["paralelo.request_id"] == "asked-1"
    statements = [s for _service, s in collector.spans if s.parent_span_id == request.span_id]
    assert bool(statements) == (connection.vendor == "postgresql")
    # Figures and names are parameters; what is told of a statement has none of them.
    assert not any("USDT" in str(attributes(span)) for span in statements)


@pytest.mark.any_database
def test_a_run_s_process_is_a_span(collector, tmp_path):
    told = {
        "PARALELO_RUN": "training-7",
        "PARALELO_HOME": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "p2p.settings",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/v1/traces",
        "OTEL_SERVICE_NAME": "ours",
    }
    done("manage.py", "check", **told)
    ((service, span),) = collector.named("training")
    assert service == "ours"
    assert attributes(span) == {"paralelo.run_id": "training-7", "paralelo.run_number": "7"}
    assert span.status.code == span.status.STATUS_CODE_UNSET


@pytest.mark.any_database
def test_a_run_that_ends_badly_says_so(collector, tmp_path):
    told = {
        "PARALELO_RUN": "training-7",
        "PARALELO_HOME": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "p2p.settings",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
    }
    ran = subprocess.run(
        [sys.executable, "manage.py", "train_model", "--run=7"],
        env={**os.environ, **told},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 1
    ((service, span),) = collector.named("training")
    assert service == "paralelo-worker"
    assert span.status.code == span.status.STATUS_CODE_ERROR


@pytest.mark.any_database
@pytest.mark.parametrize("off", [{}, {"OTEL_SDK_DISABLED": "true"}])
def test_nothing_of_it_is_loaded_unless_it_is_asked_for(collector, tmp_path, off):
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url if off else ""}
    told = {"PARALELO_HOME": str(tmp_path), "DJANGO_SETTINGS_MODULE": "p2p.settings"}
    assert done("-c", ASK, "/healthz", **where, **off, **told).splitlines()[-1] == "False"
    assert collector.spans == []


@pytest.mark.any_database
@pytest.mark.parametrize(
    "gone", ["opentelemetry", "opentelemetry.sdk.trace", "opentelemetry.instrumentation.psycopg2"]
)
def test_missing_packages_are_named(monkeypatch, gone):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, gone, None)
    with pytest.raises(ImproperlyConfigured, match=r"pip install -r requirements-otel\.txt"):
        tracing.trace_requests()


@pytest.mark.any_database
def test_a_collector_that_is_away_costs_no_answer(tmp_path):
    told = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "PARALELO_HOME": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "p2p.settings",
    }
    said = done("-c", ASK, "/admin/login/", **told)
    assert "/admin/login/ 200 OK" in said
