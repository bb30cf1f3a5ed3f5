"""Families register where they are defined; everyone else asks here by name."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from ml.errors import UnknownFamily
from ml.spec import ModelSpec, Task

_SPECS: dict[str, ModelSpec] = {}


def register(spec: ModelSpec) -> ModelSpec:
    """Make a family known. A repeated name is a programming error and raises ValueError."""
    if spec.name in _SPECS:
        raise ValueError(f"a model family named {spec.name!r} is already registered")
    _SPECS[spec.name] = spec
    return spec


@cache
def _walk_families() -> None:
    from ml import families

    for module in pkgutil.iter_modules(families.__path__, families.__name__ + "."):
        importlib.import_module(module.name)


def list_specs() -> tuple[ModelSpec, ...]:
    """Every family, in the order of their tasks."""
    _walk_families()
    order = list(Task)
    return tuple(sorted(_SPECS.values(), key=lambda s: (order.index(s.task), s.name)))


def get_spec(name: str) -> ModelSpec:
    """The family of that name, or the default family of the task of that name."""
    specs = list_specs()
    for spec in specs:
        if spec.name == name:
            return spec
    for spec in specs:
        if spec.task == name:
            return spec
    known = ", ".join(f"{s.name} ({s.task})" for s in specs)
    raise UnknownFamily(f"No model family {name!r}; known are {known}.", {"family": known})
