"""The queue's own tables in the admin: they fit, and speak Spanish."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest
from django.apps import apps
from django.urls import reverse
from django.utils import timezone

from analytics import queue
from analytics.admin.queue import COLUMNS, TEXTS

pytestmark = pytest.mark.django_db


def marked(module: str) -> set[str]:
    """Texts that a module of django-q2 marks for translation."""
    found = importlib.util.find_spec(module)
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return {call.args[0].value for call in calls if getattr(call.func, "id", "") == "_"}


def page(client, table, *args):
    name = f"admin:django_q_{table.lower()}_{'change' if args else 'changelist'}"
    answer = client.get(reverse(name, args=args), headers={"accept-language": "es"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_text_of_the_library_s_tables_is_known():
    assert marked("django_q.models") | marked("django_q.admin") == set(TEXTS)


def test_the_queue_has_spanish_names_on_the_admin_s_first_page(admin_client):
    html = admin_client.get(reverse("admin:index"), headers={"accept-language": "es"})
    shown = html.content.decode()
    for name in ("Cola de tareas", "Tareas programadas", "Tareas terminadas", "Tareas fallidas"):
        assert name in shown
    assert "Scheduled task" not in shown


@pytest.mark.parametrize("table", COLUMNS)
def test_lists_of_the_queue_stand_empty_and_full_and_rows_can_be_opened(admin_client, table):
    page(admin_client, table)
    now = timezone.now()
    task = {"func": "analytics.tasks.answer_ping", "started": now, "stopped": now, "name": "a"}
    model = apps.get_model("django_q", table)
    if table == "Schedule":
        queue.ensure_schedule("ping", task["func"], minutes=5)
    elif table == "OrmQ":
        queue_one()
    else:
        model.objects.create(id="1" * 32, success=table == "Success", result="gone", **task)
    row = model.objects.get()
    change = reverse(f"admin:django_q_{table.lower()}_change", args=[row.pk])
    assert f'<a href="{change}' in page(admin_client, table)
    page(admin_client, table, row.pk)


def queue_one() -> None:
    from django_q.models import OrmQ
    from django_q.signing import SignedPackage

    package = {"id": "2" * 32, "name": "a", "func": "analytics.tasks.answer_ping"}
    message = {**package, "args": (), "kwargs": {}}
    OrmQ.objects.create(key="paralelo", payload=SignedPackage.dumps(message), lock=timezone.now())
