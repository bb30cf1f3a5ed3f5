"""Strange rows become events: once, whoever scans, in whatever order."""

from __future__ import annotations

import datetime as dt
import itertools
import threading

import numpy as np
import pandas as pd
import pytest
from django.db import IntegrityError, connections, transaction

import ml
from analytics.events import (
    AnomalyChanged,
    AnomalyClosed,
    AnomalyFact,
    AnomalyOpened,
    subscribed,
)
from analytics.models import AnomalyEvent, AnomalyResult
from analytics.models.choices import Source
from analytics.selectors.models import Serving
from analytics.services.anomalies.events import EventChanges, events_store
from analytics.services.anomalies.feedback import event_judge
from analytics.services.anomalies.grouping import event_groups
from ml.results import Expected
from tests import factories

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
STEP = dt.timedelta(minutes=30)


def strange(row: int, score: float = 0.2, severity: str = "medium", **more) -> ml.Anomaly:
    facts = {
        "kind": "spike",
        "text": f"row {row}",
        "expected": {"ask": Expected(observed=9.9, value=9.3, lower=9.2, upper=9.4)},
        "contributions": {"return_ask": 1.0},
        "phrases": (ml.Phrase(template="%(what)s missing", values={"what": "ask"}),),
    }
    return ml.Anomaly(
        timestamp=START + row * STEP, score=score, severity=severity, **{**facts, **more}
    )


def scored(*found: ml.Anomaly) -> ml.AnomalyScores:
    index = pd.DatetimeIndex([one.timestamp for one in found])
    return ml.AnomalyScores(
        timestamps=index,
        scores=np.array([one.score for one in found]),
        threshold=0.1,
        anomalies=found,
        warming_up=False,
        source=ml.Source.NETWORK,
        name="autoencoder",
    )


def quotes_until(market, row: int) -> None:
    factories.make_quotes(market, 1, end=START + row * STEP)


@pytest.fixture
def market(db):
    return factories.make_market()


@pytest.fixture
def serving(market):
    quotes_until(market, 100)
    return Serving(factories.make_model(market, "anomaly"), Source.NETWORK)


def keep(serving, *found) -> int:
    return changes(serving, *found).new_rows


def changes(serving, *found) -> EventChanges:
    return events_store(market=serving.model.market, serving=serving, scores=scored(*found))


def spans(**filters) -> list[tuple[int, int, int, int]]:
    """(first, peak, last, rows) of the stored events, in grid rows since START."""
    return [
        (
            *(round((moment - START) / STEP) for moment in (event.start, event.peak, event.end)),
            event.rows,
        )
        for event in AnomalyEvent.objects.filter(**filters).order_by("start")
    ]


def test_rows_within_a_silence_of_twelve_steps_are_one_event_named_by_its_strangest(serving):
    rows = [strange(1), strange(3, 0.5, "high"), strange(15, 0.3, "critical"), strange(28)]
    assert keep(serving, *rows) == 4
    assert spans() == [(1, 3, 15, 3), (28, 28, 28, 1)]
    event = AnomalyEvent.objects.get(rows=3)
    assert (event.score, event.severity, event.text) == (0.5, "critical", "row 3")
    assert event.expected["ask"] == {"observed": 9.9, "value": 9.3, "lower": 9.2, "upper": 9.4}
    assert event.phrases == [["%(what)s missing", {"what": "ask"}]]
    assert list(event.results.values_list("text", flat=True)) == ["row 15", "row 3", "row 1"]
    assert not event.is_open


def test_a_second_scan_adds_nothing_and_changes_nothing(serving):
    keep(serving, strange(1), strange(3, 0.5))
    before = list(AnomalyEvent.objects.values()), list(AnomalyResult.objects.values())
    assert keep(serving, strange(1, 0.9, "critical", text="another word"), strange(3, 0.1)) == 0
    assert (list(AnomalyEvent.objects.values()), list(AnomalyResult.objects.values())) == before


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_is_stored_depends_on_the_rows_and_not_on_the_order_of_the_scans(serving, order):
    parts = [
        (strange(1), strange(5, 0.4, "high")),
        (strange(20, 0.6), strange(22)),
        (strange(12, 0.3), strange(40)),
    ]
    for number in order:
        keep(serving, *parts[number])
    assert spans() == [(1, 20, 22, 5), (40, 40, 40, 1)]
    assert AnomalyEvent.objects.order_by("start")[0].severity == "high"
    assert all(event.results.count() == event.rows for event in AnomalyEvent.objects.all())


def test_an_open_event_grows_and_is_closed_by_twelve_normal_steps(market, serving):
    market.prices.all().delete()
    for last, found in ((10, (strange(10),)), (12, (strange(11), strange(12, 0.4)))):
        quotes_until(market, last)
        keep(serving, *found)
    event = AnomalyEvent.objects.get()
    assert (event.is_open, event.rows) == (True, 3)
    assert spans() == [(10, 12, 12, 3)]
    for last, is_open in ((24, True), (25, False)):
        quotes_until(market, last)
        keep(serving)
        event.refresh_from_db()
        assert event.is_open is is_open


def test_what_happened_long_before_the_last_quote_is_not_open(serving):
    keep(serving, strange(80))
    assert not AnomalyEvent.objects.get().is_open


def test_a_newer_model_adds_its_own_and_leaves_the_older_ones_alone(market, serving):
    keep(serving, strange(96), strange(97))
    older = list(AnomalyEvent.objects.values("id", "start", "end", "rows", "score"))
    assert AnomalyEvent.objects.get().is_open
    newer = Serving(factories.make_model(market, "anomaly", "candidate"), Source.BASELINE)
    assert keep(newer, strange(96, 0.7)) == 1
    assert (
        list(
            AnomalyEvent.objects.filter(model=serving.model).values(
                "id", "start", "end", "rows", "score"
            )
        )
        == older
    )
    assert AnomalyResult.objects.filter(model=serving.model).count() == 2
    assert AnomalyEvent.objects.get(is_open=True).model == newer.model


def test_joined_events_keep_what_was_said_of_one_of_them(serving):
    keep(serving, strange(1), strange(20))
    second = AnomalyEvent.objects.order_by("start")[1]
    event_judge(event=second, feedback="true", note="bank holiday")
    keep(serving, strange(10))
    event = AnomalyEvent.objects.get()
    assert spans() == [(1, 1, 20, 3)]
    assert (event.feedback, event.note) == ("true", "bank holiday")


def test_events_that_were_judged_differently_are_never_joined(serving):
    keep(serving, strange(1), strange(20))
    first, second = AnomalyEvent.objects.order_by("start")
    event_judge(event=first, feedback="false")
    event_judge(event=second, feedback="true")
    keep(serving, strange(10))
    assert spans() == [(1, 1, 10, 2), (20, 20, 20, 1)]
    assert list(AnomalyEvent.objects.order_by("start").values_list("feedback", flat=True)) == [
        "false",
        "true",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"end": START - STEP},
        {"peak": START + STEP},
        {"rows": 0},
        {"feedback": "true", "feedback_at": None},
        {"feedback_at": START},
    ],
)
def test_the_database_refuses_an_event_that_cannot_be(serving, wrong):
    event = factories.make_event(serving.model, start=START)
    with pytest.raises(IntegrityError), transaction.atomic():
        AnomalyEvent.objects.filter(pk=event.pk).update(**wrong)


def test_the_database_refuses_a_second_open_event_and_a_second_start(market, serving):
    factories.make_event(serving.model, start=START, is_open=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.make_event(serving.model, start=START + STEP, is_open=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.make_event(serving.model, start=START)


@pytest.mark.django_db(transaction=True)
def test_scans_at_the_same_time_store_everything_once():
    market = factories.make_market()
    quotes_until(market, 30)
    serving = Serving(factories.make_model(market, "anomaly"), Source.NETWORK)
    together = threading.Barrier(4)
    new, problems = [], []

    def scan(first: int) -> None:
        try:
            together.wait(timeout=30)
            new.append(keep(serving, *(strange(row) for row in range(first, first + 12))))
        except Exception as error:
            problems.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=scan, args=(first,)) for first in (0, 6, 12, 19)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sum(new) == AnomalyResult.objects.count() == 31
    assert spans(is_open=True) == [(0, 0, 30, 31)]


def test_grouping_needs_no_database():
    rows = [strange(0), strange(12), strange(25)]
    assert [len(group) for group in event_groups(rows, 30)] == [2, 1]
    assert [len(group) for group in event_groups(rows, 15)] == [1, 1, 1]
    assert event_groups([], 30) == []


def test_severity_is_the_worst_and_never_falls(serving):
    keep(serving, strange(1, 0.2, "critical"))
    keep(serving, strange(2, 0.9, "low"))
    event = AnomalyEvent.objects.get()
    assert (event.severity, event.score, event.text) == ("critical", 0.9, "row 2")


# ---------------------------------------------------------------------------- what is told of them
def told(found: EventChanges) -> dict[str, list[int]]:
    """Ids of the events by what became of them; empty lists are left out."""
    lists = {"opened": found.opened, "changed": found.changed, "closed": found.closed}
    return {name: [fact.event_id for fact in facts] for name, facts in lists.items() if facts}


def test_an_event_is_opened_changed_and_closed_as_quotes_arrive(market, serving):
    market.prices.all().delete()
    quotes_until(market, 10)
    found = changes(serving, strange(10))
    event = AnomalyEvent.objects.get()
    assert (found.new_rows, told(found)) == (1, {"opened": [event.pk]})
    quotes_until(market, 12)
    found = changes(serving, strange(12, 0.5, "high"))
    assert told(found) == {"changed": [event.pk]}
    assert found.changed[0] == AnomalyChanged(
        event_id=event.pk,
        market_id=market.pk,
        model_id=serving.model.pk,
        start=START + 10 * STEP,
        end=START + 12 * STEP,
        score=0.5,
        severity="high",
        feedback="",
    )
    assert told(changes(serving)) == {}
    quotes_until(market, 25)
    found = changes(serving)
    assert (found.new_rows, told(found)) == (0, {"closed": [event.pk]})
    assert (found.closed[0].score, found.closed[0].joined_into) == (0.5, None)
    assert told(changes(serving)) == {}


def test_a_last_row_and_its_silence_in_one_scan_change_and_close(market, serving):
    market.prices.all().delete()
    quotes_until(market, 10)
    changes(serving, strange(10))
    event = AnomalyEvent.objects.get()
    quotes_until(market, 40)
    assert told(changes(serving, strange(15))) == {"changed": [event.pk], "closed": [event.pk]}


def test_what_was_over_when_it_was_found_is_opened_and_closed_at_once(serving):
    found = changes(serving, strange(1), strange(30), strange(95))
    first, second, third = AnomalyEvent.objects.order_by("start").values_list("pk", flat=True)
    assert told(found) == {"opened": [first, second, third], "closed": [first, second]}
    assert found.closed[0].end == START + STEP
    assert told(changes(serving, strange(1), strange(30), strange(95))) == {}


def test_an_event_that_goes_on_is_opened_again(market, serving):
    changes(serving, strange(80))
    event = AnomalyEvent.objects.get()
    assert not event.is_open
    quotes_until(market, 101)
    assert told(changes(serving, strange(90))) == {"opened": [event.pk]}


def test_an_event_that_joins_another_is_closed_and_says_which(serving):
    changes(serving, strange(76), strange(95))
    first, second = AnomalyEvent.objects.order_by("start")
    assert second.is_open
    found = changes(serving, strange(86))
    assert told(found) == {"opened": [first.pk], "closed": [second.pk]}
    assert found.closed[0].joined_into == first.pk


def test_the_event_of_a_version_that_watches_no_more_is_closed(market, serving):
    changes(serving, strange(96))
    older = AnomalyEvent.objects.get()
    newer = Serving(factories.make_model(market, "anomaly", "candidate"), Source.BASELINE)
    found = changes(newer, strange(96, 0.7))
    assert told(found) == {
        "opened": [AnomalyEvent.objects.get(is_open=True).pk],
        "closed": [older.pk],
    }


def test_changes_are_published_in_the_order_in_which_they_happen(serving):
    seen = []
    found = changes(serving, strange(1), strange(96))
    with subscribed(seen.append, AnomalyFact, durable=True):
        found.publish()
    assert seen == [*found.opened, *found.closed]
    assert [type(fact) for fact in seen] == [AnomalyOpened, AnomalyOpened, AnomalyClosed]
