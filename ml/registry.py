"""Families register where they are defined; everyone else asks here by task and name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from ml.errors import UnknownFamily
from ml.spec import ModelSpec
from ml.tasks import TASKS, Task

_SPECS: dict[tuple[Task, str], ModelSpec] = {}


def register(spec: ModelSpec) -> ModelSpec:
    """Make a family of a task known. A repeated name is a programming error: ValueError."""
    if (spec.task, spec.name) in _SPECS:
        raise ValueError(f"a {spec.task} family named {spec.name!r} is already registered")
    if spec.name in set(Task):
        raise ValueError(f"{spec.name!r} is the name of a task")
    _SPECS[spec.task, spec.name] = spec
    return spec


@contextmanager
def registered(spec: ModelSpec) -> Iterator[ModelSpec]:
    """The family is known inside the block only: for trying one out, and for tests."""
    register(spec)
    try:
        yield spec
    finally:
        del _SPECS[spec.task, spec.name]


@cache
def _walk_families() -> None:
    from ml import families

    for module in pkgutil.iter_modules(families.__path__, families.__name__ + "."):
        importlib.import_module(module.name)


def list_specs(task: str | None = None) -> tuple[ModelSpec, ...]:
    """Every family (of a task), in the order of the tasks; a task's default family comes first."""
    _walk_families()
    order = list(Task)
    specs = [spec for spec in _SPECS.values() if task is None or spec.task == task]
    return tuple(sorted(specs, key=lambda s: (order.index(s.task), not s.is_default, s.name)))


def get_spec(name: str, family: str | None = None) -> ModelSpec:
    """The `family` of the task `name`, the task's default one without; or the family of that name,
    where one task only has it. Raises UnknownFamily, naming the choices."""
    task = Task(name) if name in set(Task) else None
    if task is not None:
        family = family or TASKS[task].default_family
    found = [spec for spec in list_specs(task) if spec.name == (family or name)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{s.name} ({s.task})" for s in list_specs(task))
    if found:
        tasks = " and ".join(spec.task for spec in found)
        raise UnknownFamily(
            f"The family {name!r} learns {tasks}: say which task.", {"family": known}
        )
    wanted = f"{task} family {family!r}" if task is not None else f"model family {name!r}"
    raise UnknownFamily(f"No {wanted}; known are {known}.", {"family": known})
