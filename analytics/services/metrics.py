"""What Prometheus reads of the whole server, asked of the database at the moment of the scrape.

Nothing is counted in processes, so that web processes and workers on any number of machines say the
same; how long requests take is each web process's own (p2p.metrics).
"""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from analytics import queue
from analytics.conf import conf
from analytics.models.run import Run
from analytics.selectors.metrics import (
    failure_counts,
    run_counts,
    sources_enabled,
    worker_counts,
)
from analytics.selectors.prices import market_freshness, market_list
from analytics.services.backups.keeping import backup_last
from analytics.services.jobs.kinds import job_kinds
from analytics.services.operations import folder_bytes
from analytics.services.status import MISSED

logger = logging.getLogger(__name__)


class ServerMetrics:
    """A collector of prometheus_client. Where the database does not answer, what needs it is left
    out and `paralelo_database_up` is 0."""

    def __init__(self, *, now: dt.datetime | None = None) -> None:
        self.now = now or timezone.now()

    def collect(self) -> Iterator[Metric]:
        """Every metric that is not a web process's own."""
        yield from self._files()
        up = GaugeMetricFamily("paralelo_database_up", "1 where the database answers, else 0.")
        try:
            found = [*self._queue(), *self._runs(), *self._markets(), *self._workers()]
            found += self._collection()
        except DatabaseError as error:
            logger.error("metrics: %s", error)
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from found

    def _queue(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "paralelo_queue_messages", "Messages that no worker has pulled yet.", labels=["cluster"]
        )
        for cluster, count in queue.queue_lengths().items():
            waiting.add_metric([cluster], count)
        yield waiting

    def _runs(self) -> Iterator[Metric]:
        opened = GaugeMetricFamily(
            "paralelo_open_runs", "Runs that wait or work.", labels=["kind", "state"]
        )
        ended = CounterMetricFamily(
            "paralelo_runs", "Runs that ended.", labels=["kind", "outcome", "error"]
        )
        for kind in job_kinds():
            open_now = dict.fromkeys(map(str, Run.OPEN), 0)
            for status, error, count in run_counts(kind.runs):
                if status in open_now:
                    open_now[status] += count
                else:
                    ended.add_metric([kind.name, status, error], count)
            for status, count in open_now.items():
                opened.add_metric([kind.name, status], count)
        yield opened
        yield ended

    def _markets(self) -> Iterator[Metric]:
        age = GaugeMetricFamily(
            "paralelo_quote_age_seconds", "Seconds since the last quote.", labels=["market"]
        )
        stale = GaugeMetricFamily(
            "paralelo_market_stale",
            "1 where the last quote is too old to speak for now.",
            labels=["market"],
        )
        for market in market_list():
            found = market_freshness(market, now=self.now)
            stale.add_metric([market.symbol], float(found["stale"]))
            if found["last_quote_at"] is not None:
                seconds = (self.now - found["last_quote_at"]).total_seconds()
                age.add_metric([market.symbol], seconds)
        yield age
        yield stale

    def _workers(self) -> Iterator[Metric]:
        alive = GaugeMetricFamily(
            "paralelo_worker_up", "1 where a worker of the cluster is alive.", labels=["cluster"]
        )
        restarts = CounterMetricFamily(
            "paralelo_worker_restarts", "Restarts of the clusters that run.", labels=["cluster"]
        )
        rows = {row["cluster"]: row for row in worker_counts()}
        limit = dt.timedelta(seconds=MISSED * conf().HEARTBEAT_SECONDS)
        for cluster in queue.clusters():
            row = rows.get(cluster)
            alive.add_metric([cluster], float(row is not None and self.now - row["seen"] <= limit))
            restarts.add_metric([cluster], row["restarts"] if row is not None else 0)
        yield alive
        yield restarts

    def _collection(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "paralelo_sources_enabled", "Sources that are switched on.", value=sources_enabled()
        )
        errors = CounterMetricFamily(
            "paralelo_collection_errors", "Readings that failed.", labels=["venue", "code"]
        )
        for venue, code, count in failure_counts():
            errors.add_metric([venue, code], count)
        yield errors

    def _files(self) -> Iterator[Metric]:
        version = str(settings.SPECTACULAR_SETTINGS["VERSION"])
        build = GaugeMetricFamily("paralelo_build", "Always 1.", labels=["version"])
        build.add_metric([version], 1)
        yield build
        if (backup := backup_last()) is not None:
            seconds = (self.now - backup["made_at"]).total_seconds()
            yield GaugeMetricFamily(
                "paralelo_backup_age_seconds", "Since the last scheduled backup.", value=seconds
            )
        stored = folder_bytes(conf().artifacts)
        yield GaugeMetricFamily("paralelo_artifact_bytes", "Of all artifacts.", value=stored)
        if conf().HOME.exists():
            free = shutil.disk_usage(conf().HOME).free
            yield GaugeMetricFamily("paralelo_disk_free_bytes", "Of the home folder.", value=free)
