"""What a kind of long work says of itself, so that one lifecycle can carry all of them.

A kind is registered where its work is defined; `MODULES` names those modules, and a new kind adds
its own. Nothing else in the lifecycle knows a kind by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet

from analytics.models.run import Run

RunT = TypeVar("RunT", bound=Run)
ProgressT = TypeVar("ProgressT")

#: Modules that register a kind when they are imported.
MODULES = (
    "analytics.services.jobs.training",
    "analytics.services.jobs.backtests",
    "analytics.services.jobs.imports",
)


@dataclass(frozen=True, kw_only=True)
class JobMessages:
    """Sentences for people (lazy translations). `twin` takes the fields of JobKind.twin, `closed`
    the id, `too_long` the seconds as n."""

    twin: Any
    closed: Any
    too_often: Any
    too_long: Any
    died: Any


@dataclass(frozen=True, kw_only=True)
class JobKind(Generic[RunT, ProgressT]):
    """`name` is what events call it. The worker's task `task_path` starts `manage.py COMMAND --run
    ID`, whose output goes to the log file `LOG_NAME-ID.log`; that child, or a command that does not
    queue, calls `work` with a claimed run. `work` closes the run when it succeeds, raises where it
    does not, and tells the listener, if there is one, how far it is. No two open runs may agree in
    the fields `twin`: a database constraint sees to it, and the second is refused with `twin_code`.
    A run whose process died starts again with the fields `fresh`. `time_limit` answers seconds."""

    name: str
    model: type[RunT]
    task_path: str
    command: str
    log_name: str
    get: Callable[[int], RunT]
    work: Callable[[RunT, Callable[[ProgressT], None] | None], None]
    time_limit: Callable[[], float]
    twin: tuple[str, ...]
    twin_code: str
    messages: JobMessages
    fresh: Mapping[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> QuerySet[RunT]:
        """Every run of the kind."""
        return self.model._default_manager.all()


AnyKind = JobKind[Any, Any]
_kinds: dict[type[Run], AnyKind] = {}


def register(kind: JobKind[RunT, ProgressT]) -> JobKind[RunT, ProgressT]:
    """Make a kind known; raises ValueError where its name or its model is taken."""
    if kind.model in _kinds or any(known.name == kind.name for known in _kinds.values()):
        raise ValueError(f"the kind {kind.name!r} is already registered")
    _kinds[kind.model] = kind
    return kind


def job_kinds() -> list[AnyKind]:
    """Every kind, in the order of MODULES."""
    for module in MODULES:
        import_module(module)
    return list(_kinds.values())


def kind_of(run: RunT) -> JobKind[RunT, Any]:
    """The kind that a run belongs to; raises KeyError for a model of no kind."""
    return {kind.model: kind for kind in job_kinds()}[type(run)]
