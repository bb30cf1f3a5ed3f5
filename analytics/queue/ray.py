"""The only importer of ray: a task's dotted path and ids are done on whichever node of a Ray
cluster has room, as a worker would do them.

Ray is an engine for a command that waits for many runs, no broker: what it is given is gone with
the command that gave it, and the runs' rows say what became of them.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from analytics.exceptions import NotReady, Unavailable

#: Bytes of the store that tasks hand each other objects in: ids and nothing else pass through it.
_STORE = 80_000_000
#: Seconds that a task which is asked to end gets before its process is ended.
_PATIENCE = 10.0
#: Seconds after which an address where nobody answers is given up.
_KNOCK = 5.0


@contextmanager
def ray_nodes(address: str | None = None, *, cpus: int = 1) -> Iterator[RayNodes]:
    """A cluster to give tasks of so many CPUs to: that of the address (`auto`: the one that runs
    here), else one of this machine alone, which ends with the block. Raises NotReady (no_ray) where
    ray is not installed, Unavailable (ray_away) where the cluster cannot be reached or has no room
    for a single task."""
    # Read when ray is imported: nothing is told to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        line = "pip install -r requirements-ray.txt"
        raise NotReady(_("Ray is not installed: %(line)s") % {"line": line}, "no_ray") from None
    own = {"include_dashboard": False, "object_store_memory": _STORE} if not address else {}
    try:
        _knock(address or "")
        ray.init(
            address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **own
        )
    except (OSError, RuntimeError, ValueError) as error:
        said = str(error).strip().splitlines()[0]
        message = _("The Ray cluster cannot be reached (%(why)s).") % {"why": said}
        raise Unavailable(message, "ray_away") from error
    try:
        nodes = RayNodes(ray, cpus)
        if not nodes.places():
            message = _("No node of the Ray cluster has %(n)s CPUs to give.") % {"n": cpus}
            raise Unavailable(message, "ray_away")
        yield nodes
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Ray itself waits for minutes where nobody answers. Raises OSError, or ValueError for what is
    no address."""
    host, colon, port = address.rpartition(":")
    if colon and "/" not in host:
        socket.create_connection((host, int(port)), timeout=_KNOCK).close()


class RayNodes:
    """What a cluster is asked. A ticket stands for one task that was given to it."""

    def __init__(self, ray: Any, cpus: int) -> None:
        self.ray = ray
        self.cpus = cpus
        # Never done twice by ray: whether a run may start again is the run's to say.
        self.task = ray.remote(_by_value()).options(num_cpus=cpus, max_retries=0)

    def places(self) -> int:
        """How many tasks the nodes that are alive can do at a time."""
        alive = (node for node in self.ray.nodes() if node["Alive"])
        return sum(int(node["Resources"].get("CPU", 0) // self.cpus) for node in alive)

    def start(self, path: str, *ids: int) -> Any:
        """Give `path(*ids)` to the cluster; answers its ticket."""
        return self.task.remote(str(settings.BASE_DIR), settings.SETTINGS_MODULE, path, ids)

    def ended(self, tickets: Collection[Any], *, seconds: float) -> dict[Any, str]:
        """Of the tickets those that have ended, after at most so many seconds without any: "" where
        the task came to its end, else what ray says of it (its node died, it raised)."""
        done, _waiting = self.ray.wait(list(tickets), num_returns=1, timeout=seconds)
        found = {}
        for ticket in done:
            try:
                self.ray.get(ticket)
                found[ticket] = ""
            except self.ray.exceptions.RayError as error:
                found[ticket] = (str(error).strip() or type(error).__name__).splitlines()[-1]
        return found

    def stop(self, tickets: Collection[Any]) -> None:
        """End tasks, whether they have begun or not; their processes are gone when this returns,
        those of nodes that still answer."""
        for force, patience in ((False, _PATIENCE), (True, _PATIENCE)):
            if not tickets:
                return
            for ticket in tickets:
                self.ray.cancel(ticket, force=force)
            _done, tickets = self.ray.wait(
                list(tickets), num_returns=len(tickets), timeout=patience
            )


def _by_value() -> Any:
    """The function that a node does. Made here, ray takes it along as it is, and a node needs not
    have imported the project to begin."""

    def work(base: str, module: str, path: str, ids: tuple[int, ...]) -> None:
        import os
        import sys

        if base not in sys.path:
            sys.path.insert(0, base)
        # The node's own environment says where database and home are, as on a worker's host.
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", module)
        import django
        from django.db import close_old_connections
        from django.utils.module_loading import import_string

        django.setup()
        close_old_connections()
        import_string(path)(*ids)

    return work
