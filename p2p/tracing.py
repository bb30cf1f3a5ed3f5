"""Traces by OpenTelemetry (https://opentelemetry.io/docs/specs/otel/), sent where its own settings
name who collects them: a span for each request, for each run's process, and in both for each
statement on PostgreSQL. The only importer of opentelemetry; without those settings nothing of it is
loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured

_COLLECTORS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
#: Asked all the time by machines and by open pages; a trace of each would bury the rest.
_NOT_TRACED = r"/(healthz|readyz|metrics|live/)\??$"


def tracing_wanted() -> bool:
    """Whether the environment names a collector and does not switch OpenTelemetry off."""
    off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not off and any(os.environ.get(name, "").strip() for name in _COLLECTORS)


def trace_requests() -> None:
    """Have the requests of this process traced, if that is wanted; to be called before Django loads
    its middleware. Raises ImproperlyConfigured where the packages are missing."""
    if not tracing_wanted():
        return
    os.environ.setdefault("OTEL_PYTHON_DJANGO_EXCLUDED_URLS", _NOT_TRACED)
    _start("paralelo-web")
    from opentelemetry.instrumentation.django import DjangoInstrumentor

    DjangoInstrumentor().instrument(response_hook=_name_request)


def _name_request(span: Any, request: Any, _response: Any) -> None:
    """The id that the log and the header of the answer have."""
    if span.is_recording():
        span.set_attribute("paralelo.request_id", getattr(request, "request_id", ""))


@contextmanager
def traced_run() -> Iterator[None]:
    """A span around the process of a run, which the worker tells its name (PARALELO_RUN), if it is
    wanted; one that ends with another code than 0 is marked. Raises as `trace_requests` does."""
    run = os.environ.get("PARALELO_RUN", "").strip()
    if not run or not tracing_wanted():
        yield
        return
    provider = _start("paralelo-worker")
    from opentelemetry.trace import StatusCode

    kind, _dash, number = run.rpartition("-")
    known = {"paralelo.run_id": run, "paralelo.run_number": number}
    try:
        with provider.get_tracer("paralelo").start_as_current_span(kind, attributes=known) as span:
            try:
                yield
            except SystemExit as ended:
                if ended.code:
                    span.set_status(StatusCode.ERROR, f"exit {ended.code}")
                raise
    finally:
        provider.shutdown()


def _start(service: str) -> Any:
    """The provider of spans, which sends them in a thread of its own."""
    # Some of it comes with other packages: what is asked for is tried, and no name looked up.
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.psycopg2 import Psycopg2Instrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ImproperlyConfigured(
            f"{_COLLECTORS[0]} asks for traces, whose packages are missing ({error.name}): "
            "pip install -r requirements-otel.txt"
        ) from error

    os.environ.setdefault("OTEL_SERVICE_NAME", service)
    provider = TracerProvider(resource=Resource.create())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    Psycopg2Instrumentor().instrument()
    return provider
