"""Runs on a real Ray cluster of two nodes on this machine: shared out, lost with their node, ended
with the command."""

from __future__ import annotations

import datetime as dt
import io
import os
import sys

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from analytics.conf import conf
from analytics.exceptions import Unavailable
from analytics.models import BacktestRun, Market, PriceHistory
from analytics.services.alive import process_stat
from analytics.services.jobs.backtests import BACKTEST, backtest_request
from analytics.services.jobs.engines import RAY, engine_open
from analytics.services.jobs.lifecycle import job_cancel, jobs_reap
from tests.markets import wandering_market

pytestmark = pytest.mark.any_database
Status = BacktestRun.Status
QUOTES = wandering_market(1500)
START, END = (QUOTES.index[row].to_pydatetime() for row in (1300, 1400))
SHORT = {"epochs": 1, "members": 1, "batch_size": 256}
#: Never done before somebody ends it.
ENDLESS = {**SHORT, "epochs": 1000, "patience": 1000, "batch_size": 8}


@pytest.fixture
def markets(for_children):
    return [_market(fiat) for fiat in ("BOB", "VES")]


def _market(fiat):
    market = Market.objects.create(asset="USDT", fiat=fiat, exchange="here", cadence_minutes=30)
    PriceHistory.objects.bulk_create(
        PriceHistory(market=market, timestamp=at, bid=round(row.bid, 6), ask=round(row.ask, 6))
        for at, row in QUOTES.iterrows()
    )
    return market


def ask(market, params=SHORT, **more):
    asked = {"task": "price", "family": "dlinear", "start": START, "end": END, "origin_step": 4}
    return backtest_request(market=market, params=params, enqueue=False, **{**asked, **more})


@pytest.fixture
def cluster(markets, tmp_path, monkeypatch):
    """Two nodes of one CPU each. They are born with this test's environment."""
    # It is here for schemathesis; jsonschema, which each of ray's processes imports, would build a
    # grammar with it for seconds.
    (tmp_path / "rfc3987_syntax.py").write_text("raise ImportError('not for ray')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    if "jsonschema" not in sys.modules:
        monkeypatch.setitem(sys.modules, "rfc3987_syntax", None)
    from ray.cluster_utils import Cluster

    seen_dead = {"health_check_period_ms": 1000, "health_check_failure_threshold": 3}
    node = {"num_cpus": 1, "object_store_memory": 80_000_000}
    head = {**node, "include_dashboard": False, "_system_config": seen_dead}
    made = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(**node)
    yield made
    made.shutdown()


def raylet_of(pid):
    """The node that a process is a child's child of."""
    stat = process_stat(pid)
    worker = int(stat[1]) if stat else 0
    stat = process_stat(worker)
    return int(stat[1]) if stat else 0


class Watching:
    """Called at every beat: which nodes runs were seen on, and what to do when all of some run."""

    def __init__(self, runs, act=lambda: None):
        self.runs = BacktestRun.objects.filter(pk__in=[run.pk for run in runs])
        self.act, self.acted, self.nodes = act, False, {}

    def __call__(self):
        running = self.runs.filter(status=Status.RUNNING).values_list("pk", "pid")
        self.nodes |= {pk: found for pk, pid in running if (found := raylet_of(pid))}
        if not self.acted and len(running) == self.runs.count():
            self.acted = True
            self.act()


def statuses(runs):
    found = BacktestRun.objects.in_bulk([run.pk for run in runs])
    return [(found[run.pk].status, found[run.pk].error_code) for run in runs]


def logs(runs):
    paths = [conf().logs / f"backtest-{run.pk}.log" for run in runs]
    return "\n".join(path.read_text() for path in paths if path.exists())


@pytest.mark.skipif(not os.environ.get("PARALELO_TEST_HOSTS"), reason="long; make soak runs it")
def test_runs_on_two_nodes_one_of_which_dies(cluster, markets):
    """One cluster for all of it: to start one takes longer than what is asked of it."""
    with engine_open(RAY, address=cluster.address) as engine:
        assert engine.places == 2
        shared_out(engine, markets)
        lost_with_a_node(engine, markets, cluster)
        ended_with_the_command(engine, markets)
    printed_by_the_command(cluster, markets)
    assert jobs_reap() == 0


def shared_out(engine, markets):
    """Two markets, two nodes, a place each."""
    runs = [ask(market) for market in markets]
    watch = Watching(runs)
    engine.do(BACKTEST, runs, on_beat=watch)
    assert statuses(runs) == [(Status.SUCCEEDED, "")] * 2, logs(runs)
    assert len(set(watch.nodes.values())) == 2


def lost_with_a_node(engine, markets, cluster):
    """A node dies: its run ends once, what waits is done by the other one."""
    doomed = cluster.list_all_nodes()[1]
    endless, waiting = [ask(market, ENDLESS) for market in markets], ask(markets[0])
    lost = []

    def kill():
        raylet = doomed.all_processes["raylet"][0].process.pid
        lost.extend(run for run in endless if watch.nodes[run.pk] == raylet)
        cluster.remove_node(doomed, allow_graceful=False)

    def beat():
        watch()
        if lost and statuses(lost) == [(Status.FAILED, "worker_died")]:
            for run in BacktestRun.objects.filter(params__epochs=1000, status=Status.RUNNING):
                job_cancel(run=run)

    watch = Watching(endless, kill)
    engine.do(BACKTEST, [*endless, waiting], on_beat=beat)
    assert sorted(statuses(endless)) == [
        (Status.CANCELLED, "cancelled"),
        (Status.FAILED, "worker_died"),
    ]
    assert statuses([waiting]) == [(Status.SUCCEEDED, "")], logs([waiting])
    (ended,) = BacktestRun.objects.filter(pk=lost[0].pk)
    assert ended.attempts == 1
    # Whoever comes later finds nothing to end.
    jobs_reap(now=timezone.now() + dt.timedelta(days=1))
    assert BacktestRun.objects.get(pk=ended.pk).finished_at == ended.finished_at


def ended_with_the_command(engine, markets):
    """Ctrl-C: what runs and what waits are cancelled, and no process is left."""
    runs = [ask(market, ENDLESS) for market in markets]
    pids = []

    def interrupt():
        running = BacktestRun.objects.filter(status=Status.RUNNING)
        pids.extend(running.values_list("pid", flat=True))
        if pids:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.do(BACKTEST, runs, on_beat=interrupt)
    assert statuses(runs) == [(Status.CANCELLED, "cancelled")] * 2
    assert [process_stat(pid) for pid in pids] == [None]


def printed_by_the_command(cluster, markets):
    """The figures of what was done, and why the rest was not."""
    young = Market.objects.create(asset="USDT", fiat="ARS", exchange="here", cadence_minutes=30)
    params = [word for name, value in SHORT.items() for word in ("--param", f"{name}={value}")]
    words = ["--task", "price", "--family", "dlinear", "--origin-step", "4", *params]
    words += [f"--from={START:%Y-%m-%dT%H:%M}", f"--to={END:%Y-%m-%dT%H:%M}"]
    words += ["--market", markets[0].symbol, "--market", young.symbol]
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 succeeded, 1 did not"):
        call_command(
            "backtest_all", *words, "--engine", "ray", "--address", cluster.address, stdout=out
        )
    run = BacktestRun.objects.latest("pk")
    assert (run.status, run.by_worker) == (Status.SUCCEEDED, False)
    text = " ".join(out.getvalue().split())
    crps = sum(line["crps_skill"] for line in run.figures if line["set"] == "clean")
    assert f"{crps / sum(line['set'] == 'clean' for line in run.figures):.2f}" in text
    assert "USDT/ARS@here" in text


def test_an_address_where_nothing_is_ends_in_a_line(markets):
    with pytest.raises(Unavailable) as refused, engine_open(RAY, address="127.0.0.1:1"):
        pass
    assert refused.value.code == "ray_away"
