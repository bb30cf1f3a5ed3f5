"""Calls that nobody thought of: Schemathesis makes them from the OpenAPI document, and holds what
is answered to it. `make fuzz` makes thousands, a run of all tests some hundred."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rest_framework.authtoken.models import Token

SCHEMA = "/api/v1/analytics/schema"
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
#: A busy machine answers late, and is not what is asked about here.
PATIENT = ("--request-timeout", "120")
#: Of each of some 80 calls; the phases that walk from call to call are for `make fuzz` alone.
FEW = ("--phases", "fuzzing", "--max-examples", "4", "--no-shrink", "--seed", "1")
MANY = ("--phases", "coverage,fuzzing,stateful", "--max-examples", "12")


def fuzz(url: str, token: str, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("schemathesis")
    told = ("run", f"{url}{SCHEMA}", "-H", f"Authorization: Token {token}", "--no-color")
    return subprocess.run(
        [tool, *told, "--checks", ",".join(CHECKS), "--continue-on-failure", *PATIENT, *options],
        cwd=home,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.any_database
def test_whatever_is_asked_the_answer_is_documented(
    transactional_db, live_server, admin_user, predictor, tmp_path
):
    token = Token.objects.create(user=admin_user).key
    options = MANY if "PARALELO_TEST_FUZZ" in os.environ else FEW
    done = fuzz(live_server.url, token, tmp_path, *options)
    found = re.search(r"(\d+) generated", done.stdout)
    assert found, done.stdout + done.stderr
    assert int(found[1]) >= 300
    assert done.returncode == 0, done.stdout[-8000:]
    sys.stdout.write(done.stdout[-300:])
