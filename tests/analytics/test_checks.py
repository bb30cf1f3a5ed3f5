"""A setup that would lose or repeat work does not start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analytics import checks

ROOT = Path(__file__).resolve().parents[2]


def test_the_projects_own_queue_settings_are_safe(settings):
    assert checks.queue_is_safe() == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"retry": 60}, "analytics.E001"),
        ({"max_attempts": 0}, "analytics.E002"),
        ({"ack_failures": False}, "analytics.E002"),
    ],
)
def test_an_unsafe_queue_is_refused(settings, change, found):
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, **change}
    assert {error.id for error in checks.queue_is_safe()} == {found}


def test_every_cluster_of_the_queue_is_checked(settings):
    unsafe = {"long": {"workers": 1, "timeout": 100, "retry": 100}}
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "ALT_CLUSTERS": unsafe}
    assert [error.msg.split(":")[0] for error in checks.queue_is_safe()] == ["Q_CLUSTER long"]


def test_a_home_that_cannot_be_written_is_refused(settings, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    settings.ANALYTICS = {**settings.ANALYTICS, "HOME": blocked / "home"}
    assert [error.id for error in checks.home_is_writable()] == ["analytics.E003"]


def test_a_misspelt_setting_is_refused(settings):
    settings.ANALYTICS = {**settings.ANALYTICS, "DEVIZE": "cpu"}
    assert [error.id for error in checks.settings_are_known()] == ["analytics.E004"]


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"PARALELO_DEBUG": "0"}, "PARALELO_SECRET_KEY"),
        (
            {"PARALELO_DEBUG": "0", "PARALELO_SECRET_KEY": "short", "PARALELO_ALLOWED_HOSTS": "x"},
            "PARALELO_SECRET_KEY",
        ),
        ({"PARALELO_DEBUG": "0", "PARALELO_SECRET_KEY": "s" * 40}, "PARALELO_ALLOWED_HOSTS"),
        ({"PARALELO_DEBUG": "maybe"}, "PARALELO_DEBUG"),
        ({"PARALELO_WORKERS": "none"}, "PARALELO_WORKERS"),
        ({"PARALELO_ARTIFACT_STORAGE": "/models"}, "PARALELO_ARTIFACT_STORAGE"),
    ],
)
def test_an_unsafe_environment_does_not_start(tmp_path, environment, says):
    ran = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PARALELO_HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert says in ran.stderr.splitlines()[-1]


def test_a_safe_environment_starts_with_debug_off(tmp_path):
    ran = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "ERROR"],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "PARALELO_HOME": str(tmp_path),
            "PARALELO_DEBUG": "0",
            "PARALELO_SECRET_KEY": "k" * 50,
            "PARALELO_ALLOWED_HOSTS": "paralelo.example",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
