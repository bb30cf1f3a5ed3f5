"""What people say of events, and what a training gets to know of it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth import get_user_model

import ml
from analytics.events import AnomalyChanged, subscribed
from analytics.exceptions import InvalidInput, NotFound
from analytics.models import AnomalyEvent, TrainingRun
from analytics.services.anomalies.feedback import (
    event_get,
    event_judge,
    labels_of,
    parse_feedback,
)
from analytics.services.jobs.training import training_execute, training_request
from analytics.services.registry.purge import models_purge
from tests import factories

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def model(db):
    return factories.make_model(factories.make_market(), "anomaly")


def judged(model, hour: int, feedback: str, hours: int = 1, **fields) -> AnomalyEvent:
    start = START + hour * HOUR
    event = factories.make_event(model, start=start, peak=start, end=start + hours * HOUR, **fields)
    return event_judge(event=event, feedback=feedback)


def test_feedback_has_a_note_a_name_and_a_time_and_can_be_taken_back(model):
    row = factories.make_anomaly(model)
    eva = get_user_model().objects.create_user("eva")
    event = event_judge(event=row.event, feedback="false", note="a holiday", by=eva)
    assert (event.feedback, event.note, event.feedback_by) == ("false", "a holiday", eva)
    assert event.feedback_at is not None
    row.refresh_from_db()
    assert (row.acknowledged_by, row.label) == (eva, "false")
    event = event_judge(event=event, feedback="", by=eva)
    assert (event.feedback, event.note, event.feedback_at, event.feedback_by) == (
        *("", "", None, None),
    )


def test_a_judgement_is_told(model):
    event = factories.make_event(model, start=START)
    told = []
    with subscribed(told.append, AnomalyChanged, durable=True):
        event_judge(event=event, feedback="false")
        event_judge(event=event, feedback="undo")
    assert [(fact.event_id, fact.feedback) for fact in told] == [
        (event.pk, "false"),
        (event.pk, ""),
    ]


@pytest.mark.parametrize(
    ("word", "said"), [("true", "true"), ("false", "false"), ("undo", ""), ("", "")]
)
def test_the_words_of_a_judgement(word, said):
    assert parse_feedback(word) == said


@pytest.mark.parametrize(("field", "code"), [("feedback", "bad_feedback"), ("label", "bad_label")])
@pytest.mark.parametrize("word", ["maybe", "True", "none", None])
def test_what_is_no_judgement_is_refused_by_its_field(word, field, code):
    with pytest.raises(InvalidInput) as caught:
        parse_feedback(word, field=field)
    assert (caught.value.code, list(caught.value.fields)) == (code, [field])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"feedback": "maybe"}, "feedback"),
        ({"feedback": "", "note": "why"}, "note"),
        ({"feedback": "true", "note": "x" * 1001}, "note"),
    ],
)
def test_what_is_no_feedback_is_refused_and_changes_nothing(model, values, field):
    event = judged(model, 0, "true")
    with pytest.raises(InvalidInput) as caught:
        event_judge(event=event, **values)
    assert field in caught.value.fields
    assert event_get(event.pk).feedback == "true"


def test_an_event_that_is_not_there_is_said_so(db):
    with pytest.raises(NotFound):
        event_get(77)


def test_labels_are_spans_and_verdicts_oldest_first_and_never_later_than_the_data(model):
    late, early = judged(model, 50, "true", hours=3), judged(model, 5, "false")
    factories.make_event(model, start=START + 20 * HOUR)
    assert labels_of(market=model.market, until=START + 53 * HOUR) == (
        ml.LabelledSpan(start=early.start, end=early.end, true=False),
        ml.LabelledSpan(start=late.start, end=late.end, true=True),
    )
    # The event that is not over by then would tell of later quotes.
    assert len(labels_of(market=model.market, until=START + 52 * HOUR)) == 1
    event_judge(event=early, feedback="")
    assert labels_of(market=model.market, until=START + 52 * HOUR) == ()


def test_of_contradicting_judgements_the_last_one_counts(model):
    newer = factories.make_model(model.market, "anomaly", "candidate")
    judged(model, 10, "false", hours=4)
    last = judged(newer, 12, "true", hours=1)
    same = judged(newer, 30, "true")
    judged(model, 30, "true")
    other = factories.make_model(factories.make_market("USDT/VES@x"), "anomaly")
    judged(other, 1, "true")
    assert labels_of(market=model.market, until=START + 99 * HOUR) == (
        ml.LabelledSpan(start=last.start, end=last.end, true=True),
        ml.LabelledSpan(start=same.start, end=same.end, true=True),
    )


def test_versions_with_judged_events_are_not_purged(model):
    judged(model, 1, "false")
    factories.make_model(model.market, "anomaly", "candidate")
    model.status = "retired"
    model.save()
    assert models_purge(keep=1, dry_run=True) == []


@pytest.mark.parametrize(("task", "count"), [("anomaly", 1), ("price", 0)])
def test_the_trainer_is_told_and_the_run_says_how_many(model, monkeypatch, task, count):
    """The labels reach ml's trainer, which hands them to the fit in its FitContext."""
    market = model.market
    factories.make_quotes(market, 1500, end=START + 40 * HOUR)
    span = judged(model, 30, "true")
    told = []

    class Stop(Exception):
        pass

    def train(self, task, quotes, *, family, **params):
        told.append(self.labels)
        raise Stop

    monkeypatch.setattr(ml.DLModelTrainer, "train", train)
    run = training_request(market=market, task=task, params={}, enqueue=False)
    with pytest.raises(Stop):
        training_execute(run_id=run.pk)
    wanted = (ml.LabelledSpan(start=span.start, end=span.end, true=True),)
    assert told == [wanted[:count]]
    assert TrainingRun.objects.get(pk=run.pk).labels == count
