"""Where the runs of a command are done: in its own process one after the other, or on the nodes of
a Ray cluster, as many at a time as have room. Either way each lives and ends as jobs/lifecycle.py
has it; the queue's workers know nothing of them.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.utils import timezone

from analytics.conf import conf
from analytics.exceptions import AnalyticsError
from analytics.models.run import Run
from analytics.queue.ray import RayNodes, ray_nodes
from analytics.services.jobs.kinds import AnyKind
from analytics.services.jobs.lifecycle import (
    job_cancel,
    job_close,
    job_execute,
    job_not_begun,
)

logger = logging.getLogger(__name__)
Status = Run.Status
#: By name, as a command is asked for them.
HERE, RAY = "here", "ray"


class Engine(ABC):
    """Does queued runs that this process asked for without the queue."""

    #: How many runs at a time.
    places: int = 1

    @abstractmethod
    def do(
        self, kind: AnyKind, runs: Sequence[Run], on_beat: Callable[[], object] = lambda: None
    ) -> None:
        """Do the runs to their ends, whatever those are; `on_beat` is called whenever one ended,
        and every HEARTBEAT_SECONDS where others do them. If it, or Ctrl-C, raises, none is left
        open."""


@contextmanager
def engine_open(name: str, *, address: str | None = None) -> Iterator[Engine]:
    """The engine of that name, at work until the block ends. Raises what `ray_nodes` raises."""
    if name == HERE:
        yield _Here()
        return
    with ray_nodes(address, cpus=conf().TRAIN_THREADS) as nodes:
        yield _OnRay(nodes)


class _Here(Engine):
    def do(
        self, kind: AnyKind, runs: Sequence[Run], on_beat: Callable[[], object] = lambda: None
    ) -> None:
        waiting = [run.pk for run in runs]
        try:
            while waiting:
                try:
                    job_execute(kind, run_id=waiting.pop(0))
                except AnalyticsError as error:
                    # It stands in the run, where whoever asked for it reads it.
                    logger.warning("%s: %s", kind.name, error)
                on_beat()
        finally:
            _leave_none_open(kind, waiting)


class _OnRay(Engine):
    def __init__(self, nodes: RayNodes) -> None:
        self.nodes = nodes
        self.places = nodes.places()

    def do(
        self, kind: AnyKind, runs: Sequence[Run], on_beat: Callable[[], object] = lambda: None
    ) -> None:
        tickets = {self.nodes.start(kind.task_path, run.pk): run.pk for run in runs}
        again: set[int] = set()
        try:
            while tickets:
                ended = self.nodes.ended(tickets, seconds=conf().HEARTBEAT_SECONDS)
                for ticket, problem in ended.items():
                    run_id = tickets.pop(ticket)
                    if problem:
                        logger.error("%s %s: %s", kind.name, run_id, problem)
                    waits = kind.runs.filter(pk=run_id, status=Status.QUEUED).exists()
                    if problem and waits and run_id not in again:
                        # Its node died before it began.
                        again.add(run_id)
                        tickets[self.nodes.start(kind.task_path, run_id)] = run_id
                    else:
                        _lost(kind, run_id)
                # Those that wait for room have no process but this one.
                still = kind.runs.filter(pk__in=tickets.values(), status=Status.QUEUED)
                still.update(heartbeat_at=timezone.now())
                on_beat()
                if tickets and not self.nodes.places():
                    raise _NoNodes
        except _NoNodes:
            logger.error("no node of the Ray cluster is left")
            for run_id in tickets.values():
                _lost(kind, run_id)
        finally:
            _cancel(kind, list(tickets.values()))
            self.nodes.stop(list(tickets))
            _leave_none_open(kind, list(tickets.values()))


class _NoNodes(Exception):
    """Nobody is left who could do what waits."""


def _cancel(kind: AnyKind, run_ids: Collection[int]) -> None:
    for run in kind.runs.filter(pk__in=run_ids, status__in=Run.OPEN):
        try:
            job_cancel(run=run, by="the command that asked for it")
        except AnalyticsError:
            continue  # it ended meanwhile


def _lost(kind: AnyKind, run_id: int) -> None:
    """Close a run that is open although its task has ended: its node died, or did not begin it."""
    died = str(kind.messages.died)
    run: Any = kind.get(run_id)
    if run.status == Status.QUEUED:
        job_not_begun(kind, run, "worker_died", died)
    elif run.status == Status.RUNNING:
        job_close(run, status=Status.FAILED, code="worker_died", message=died)


def _leave_none_open(kind: AnyKind, run_ids: Collection[int]) -> None:
    """Whoever did these runs is gone."""
    _cancel(kind, run_ids)
    for run in kind.runs.filter(pk__in=run_ids, status=Status.RUNNING):
        job_close(run, status=Status.CANCELLED, code="cancelled")
