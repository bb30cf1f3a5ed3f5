"""The shape of the code, held by tests: who imports whom, what loads torch, what is documented."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.utils.module_loading import import_string

import ml
from analytics import conf
from analytics.services.jobs import clusters
from analytics.services.jobs.kinds import job_kinds
from analytics.services.jobs.schedules import PERIODIC
from ml import quotes

ROOT = Path(__file__).resolve().parents[1]
OURS = sorted(name for name, app in get_commands().items() if app == "analytics")


def python(code: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


def test_starting_django_loads_no_torch():
    loaded = python(
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n"
        "import django; django.setup()\n"
        "import ml, analytics.tasks, analytics.admin, p2p.urls\n"
        "from django.core.management import call_command; call_command('check')\n"
        "print('torch' in sys.modules)"
    )
    assert loaded.splitlines()[-1] == "False"


HEAVY = (
    "apprise", "ccxt", "httpx", "matplotlib", "numpy", "onnxruntime", "openpyxl", "pandas",
    "pyarrow", "rich", "scipy", "torch",
)  # fmt: skip


def test_neither_the_start_nor_the_checks_load_what_reads_figures_or_asks_the_world():
    """Which modules of ours slip in a heavy one is said by `python -X importtime manage.py check`;
    what they need of it comes from `analytics.lazily`."""
    loaded = python(
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'p2p.settings'\n"
        "import django; django.setup()\n"
        "import analytics.tasks\n"
        "from django.core.management import call_command; call_command('check')\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert loaded.splitlines()[-1] == "[]"


def test_what_is_loaded_later_is_the_library_itself():
    import numpy
    import pyarrow.compute

    from analytics.lazily import np, pc

    assert np.ndarray is numpy.ndarray
    assert pc.cast is pyarrow.compute.cast
    with pytest.raises(AttributeError):
        _ = np.no_such_name


def test_ml_knows_no_django():
    loaded = python(
        "import sys, ml\n"
        "for name in ml.__all__: getattr(ml, name)\n"
        "ml.list_specs()\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('django', 'analytics', 'p2p')])"
    )
    assert loaded == "[]"


def test_models_and_selectors_take_from_ml_only_what_a_quote_is_made_of():
    files = [
        f for room in ("models", "selectors") for f in (ROOT / "analytics" / room).glob("*.py")
    ]
    found = {
        node.attr
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "ml"
    }
    assert "QUOTE_SCHEMA" in found
    assert [name for name in found if not hasattr(quotes, name)] == []


def test_every_name_behind_the_door_of_ml_exists():
    for name in ml.__all__:
        assert getattr(ml, name) is not None


@pytest.mark.parametrize(
    "path",
    [
        *(kind.task_path for kind in job_kinds()),
        clusters.PING_TASK,
        *(entry.task for entry in PERIODIC),
    ],
)
def test_every_task_that_is_queued_by_name_exists(path):
    assert callable(import_string(path))


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_documented_and_explains_itself(name):
    assert f"`{name}" in (ROOT / "docs/operations.md").read_text()
    module = importlib.import_module(f"analytics.management.commands.{name}")
    assert module.Command.help


def test_every_family_has_a_card():
    cards = (ROOT / "docs/models.md").read_text()
    for spec in ml.list_specs():
        assert f"`{spec.name}`" in cards, spec.name


def test_every_setting_is_documented():
    manual = (ROOT / "docs/operations.md").read_text()
    for entry in conf.describe():
        assert f"`{entry['name']}`" in manual, entry["name"]


def test_every_environment_variable_that_is_read_is_in_the_example():
    example = (ROOT / ".env.example").read_text()
    read: set[str] = set()
    for file in (ROOT / "p2p/settings.py", ROOT / "p2p/server.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                name = node.value
                if name in ("PORT", "DATABASE_URL") or (
                    name.startswith("PARALELO_") and name.isidentifier()
                ):
                    read.add(name)
    assert len(read) > 10
    assert not [name for name in read if f"\n{name}=" not in example]


def test_only_the_settings_read_the_environment():
    allowed = {"p2p/settings.py", "p2p/server.py", "manage.py", "p2p/wsgi.py", "p2p/asgi.py"}
    # The worker's child inherits its parent's environment, threads aside.
    allowed |= {"analytics/services/jobs/processes.py"}
    # Ray is set up by its environment, and what it does on a node starts Django as manage.py does.
    allowed |= {"analytics/queue/ray.py"}
    # OpenTelemetry is set up by its own variables.
    allowed |= {"p2p/tracing.py"}
    reading = []
    for folder in ("analytics", "ml", "p2p"):
        for file in (ROOT / folder).rglob("*.py"):
            name = str(file.relative_to(ROOT))
            if name not in allowed and "os.environ" in file.read_text():
                reading.append(name)
    assert reading == []


def test_no_name_behind_the_door_of_ml_hides_a_module_or_is_hidden_by_one():
    """Importing the module `ml.x` sets the attribute `x` of `ml`, whatever the door says."""
    modules = {path.stem for path in (ROOT / "ml").iterdir()}
    assert not modules & set(ml.__all__)


def test_every_word_that_ml_answers_with_has_a_name_for_people():
    from analytics.words import WORDS
    from ml.anomaly.planting import PLAN
    from ml.pattern.labels import CLASSES
    from ml.pattern.naming import LABELS

    said = {*PLAN, *LABELS, *CLASSES, *(name for names in CLASSES.values() for name in names)}
    assert not [name for name in said if name not in WORDS]


def test_every_sentence_that_ml_says_of_an_anomaly_can_be_translated():
    from analytics.words import SENTENCES
    from ml.anomaly.wording import TEMPLATES

    assert set(TEMPLATES) == SENTENCES
