"""What the log says beside its messages, and the id that a request and its answer share."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import os
import subprocess
import sys

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from analytics.services import status
from analytics.services.jobs import workers
from analytics.services.jobs.training import TRAINING
from p2p.logs import Context, logging_settings
from tests import factories

SENT = "proxy-7.b_2"


def written(style, run, write):
    """What `write(logger)` leaves in the log that the settings make."""
    made = logging_settings(level="INFO", style=style, run=run)
    configured = logging.config.DictConfigurator(made)
    formatter = configured.configure_formatter(made["formatters"][style])
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(Context(run))
    logger = logging.Logger("analytics.somewhere")
    logger.addHandler(handler)
    write(logger)
    return stream.getvalue()


def test_an_object_a_line_holds_what_a_machine_asks_for():
    def write(logger):
        logger.warning("two\nlines of %s", "text", extra={"request": object(), "status_code": 404})
        try:
            raise ValueError("why")
        except ValueError:
            logger.exception("failed")

    first, second = map(json.loads, written("json", "training-12", write).splitlines())
    assert first.pop("at")
    assert first == {
        "level": "WARNING",
        "logger": "analytics.somewhere",
        "message": "two\nlines of text",
        "request_id": "",
        "run_id": "training-12",
        "status_code": 404,
    }
    assert "ValueError: why" in second["exc_info"]


def test_a_line_names_the_run_at_its_end_and_nothing_where_there_is_none():
    assert written("line", "import-7", lambda log: log.info("x")).endswith("x [run=import-7]\n")
    assert written("line", "", lambda log: log.info("x")).endswith("analytics.somewhere x\n")


def test_a_form_that_is_none_is_refused():
    with pytest.raises(ImproperlyConfigured, match="PARALELO_LOG_FORMAT"):
        logging_settings(level="INFO", style="xml", run="")


def test_an_id_that_was_sent_comes_back(client):
    assert client.get("/healthz", HTTP_X_REQUEST_ID=SENT).headers["X-Request-ID"] == SENT


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "a\nb", "ñ", "<script>"])
def test_an_id_that_could_forge_a_line_is_replaced(client, sent):
    made = client.get("/healthz", HTTP_X_REQUEST_ID=sent).headers["X-Request-ID"]
    assert len(made) == 32
    assert made != client.get("/healthz").headers["X-Request-ID"]


@pytest.mark.django_db
def test_the_log_and_a_failing_answer_name_the_request(monkeypatch):
    def explode(**_):
        raise RuntimeError("why")

    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.addFilter(Context())
    handler.setFormatter(logging.Formatter("{name} {message}{context}", style="{"))
    monkeypatch.setattr(status, "model_info", explode)
    client = Client(raise_request_exception=False, headers={"X-Request-ID": SENT})
    client.force_login(get_user_model().objects.create_user("reader"))
    logging.getLogger().addHandler(handler)
    try:
        failed = client.get("/api/v1/analytics/dl/model-info")
        missing = client.get("/api/v1/analytics/nothing")
    finally:
        logging.getLogger().removeHandler(handler)
    assert failed.status_code == 500
    assert failed.json()["request_id"] == SENT
    assert "request_id" not in missing.json()
    text = lines.getvalue()
    assert f"Unexpected error in /api/v1/analytics/dl/model-info [request={SENT}]" in text
    # Django writes this one when all middleware is done.
    assert f"Not Found: /api/v1/analytics/nothing [request={SENT}]" in text


@pytest.mark.django_db
def test_the_worker_tells_a_run_s_process_its_name(monkeypatch, home):
    run = factories.make_run(factories.make_market())
    asked = {}
    monkeypatch.setattr(workers, "child_run", lambda *_, **options: asked.update(options) or 0)
    workers.job_launch(TRAINING, run_id=run.pk)
    assert asked["run"] == f"training-{run.pk}"


def test_a_process_that_was_told_its_run_names_it(tmp_path):
    """As the worker starts it: the name is in the environment."""
    code = "import logging, django; django.setup(); logging.getLogger('x').warning('hello')"
    told = {
        "PARALELO_RUN": "backtest-3",
        "PARALELO_LOG_FORMAT": "json",
        "PARALELO_HOME": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "p2p.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stderr)["run_id"] == "backtest-3"
