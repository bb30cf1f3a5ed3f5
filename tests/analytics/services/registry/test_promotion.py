"""Which version answers, who decided it, and what happens when an artifact is broken."""

from __future__ import annotations

import datetime as dt

import pytest

import ml
from analytics.events import AnomalyClosed, ModelPromoted, subscribed
from analytics.exceptions import Conflict, InvalidInput, NotReady, Unavailable
from analytics.models import (
    Market,
    ModelEvent,
    PriceHistory,
    TrainedModel,
    TrainingRun,
)
from analytics.selectors.models import model_active, serving_list
from analytics.services.registry import challengers, serving
from analytics.services.registry.promotion import (
    model_consider,
    model_promote,
    model_retire,
    model_rollback,
)
from analytics.services.registry.purge import models_purge
from analytics.services.registry.serving import answer_with
from tests import factories

Status = TrainedModel.Status
NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


@pytest.fixture
def market(db):
    return Market.objects.create(asset="USDT", fiat="BOB", exchange="here")


@pytest.fixture
def make(market):
    """A version with its run; scores are CRPS, smaller is better. Two days of quotes follow it."""
    PriceHistory.objects.create(market=market, timestamp=NOW + dt.timedelta(days=2), price=1)

    def make(score=0.9, baseline_score=1.0, **more):
        number = TrainedModel.objects.count() + 1
        run = TrainingRun.objects.create(
            market=market, task="price", family="lstm", status="succeeded", data_until=NOW
        )
        facts = {
            "market": market,
            "run": run,
            "task": "price",
            "family": "lstm",
            "version": number,
            "artifact": f"a{number}",
            "checksum": "c",
            "primary_metric": "crps",
            "score": score,
            "baseline": "last_value",
            "baseline_score": baseline_score,
            "beats_baseline": score < baseline_score,
            "step_minutes": 30,
            "window": 2,
            "input_columns": ["bid", "ask"],
            "data_from": NOW,
            "data_until": NOW,
            "trained_until": NOW,
            "test_from": NOW,
            "device": "cpu",
            "trained_at": NOW,
        }
        return TrainedModel.objects.create(**{**facts, **more})

    return make


@pytest.fixture
def meeting(market, monkeypatch):
    """What champion and challenger are worth when they meet; a day of quotes for them to meet on.
    The champion is worth 0.8."""
    found = {"challenger": 0.7, "p_value": 0.01}

    def met(model, champion, start, end):
        figures = {"active": 0.8, "method": "diebold_mariano", "n": 400, "note": "", **found}
        return figures | {
            "difference": figures["challenger"] - 0.8,
            "higher_is_better": False,
            "horizons": [],
        }

    monkeypatch.setattr(challengers, "compare", met)
    return found.update


def test_the_policy_promotes_what_beats_its_baseline(make):
    model = make()
    assert model_consider(model=model)
    model.refresh_from_db()
    assert model.status == Status.ACTIVE
    event = ModelEvent.objects.get()
    assert (event.action, event.automatic) == ("promoted", True)
    assert event.figures["score"] == 0.9


def test_a_clearly_worse_challenger_is_kept_back_and_the_champion_stays(make, market, meeting):
    champion, challenger = make(0.8), make(0.85)
    model_consider(model=champion)
    meeting(challenger=0.85, p_value=0.01)
    assert not model_consider(model=challenger)
    assert model_active(market.pk, "price") == champion
    event = ModelEvent.objects.filter(model=challenger).get()
    assert event.action == "kept_back"
    assert event.figures["verdict"] == "clearly_worse"
    assert (event.figures["active"], event.figures["challenger"]) == (0.8, 0.85)


def test_a_clearly_better_challenger_retires_the_champion(make, market, meeting):
    champion, challenger = make(0.8), make(0.7)
    model_consider(model=champion)
    meeting(challenger=0.7, p_value=0.01)
    assert model_consider(model=challenger)
    champion.refresh_from_db()
    assert champion.status == Status.RETIRED
    assert model_active(market.pk, "price") == challenger


def test_a_refused_promotion_tells_its_figures(make, meeting):
    model_promote(model=make(0.5))
    meeting(challenger=0.9, p_value=0.001)
    with pytest.raises(Conflict) as caught:
        model_promote(model=make(0.8))
    assert caught.value.code == "not_better"
    assert caught.value.details["figures"]["verdict"] == "clearly_worse"


def test_a_version_that_cannot_be_loaded_is_kept_back_with_the_reason(make, market, home):
    champion, challenger = make(0.9), make(0.8)
    model_consider(model=champion)
    assert not model_consider(model=challenger)
    event = ModelEvent.objects.filter(model=challenger).get()
    assert event.action == "kept_back"
    assert event.reason
    assert model_active(market.pk, "price") == champion
    model_promote(model=challenger, force=True, reason="drill")
    assert ModelEvent.objects.first().figures["verdict"] == "not_compared"


def test_forcing_needs_a_reason_and_leaves_it_in_the_trail(make):
    poor = make(1.5)
    with pytest.raises(Conflict) as caught:
        model_promote(model=poor, force=True)
    assert caught.value.code == "reason_required"
    model_promote(model=poor, force=True, reason="drill")
    assert ModelEvent.objects.get().reason == "drill"


def test_promoting_the_active_version_again_is_a_conflict(make):
    model = model_promote(model=make())
    with pytest.raises(Conflict) as caught:
        model_promote(model=model)
    assert caught.value.code == "already_active"


def test_rolling_back_brings_the_version_before_and_again_the_one_after(make, market, meeting):
    first, second = make(0.9), make(0.8)
    model_promote(model=first)
    model_promote(model=second)
    assert model_rollback(market=market, task="price") == first
    assert model_active(market.pk, "price") == first
    assert model_rollback(market=market, task="price") == second


def test_whoever_asked_is_told_which_version_answers(make, market, meeting):
    told = []
    first, second = make(0.9), make(0.8)
    with subscribed(told.append, ModelPromoted, durable=True):
        model_consider(model=first)
        model_promote(model=second)
        model_rollback(market=market, task="price")
        meeting(challenger=0.9, p_value=0.01)
        assert not model_consider(model=second)
    same = {"market_id": market.pk, "task": "price"}
    one = {**same, "model_id": first.pk, "version": first.version}
    two = {**same, "model_id": second.pk, "version": second.version}
    assert told == [
        ModelPromoted(**one, action="promoted", automatic=True, replaced=None),
        ModelPromoted(**two, action="promoted", automatic=False, replaced=first.pk),
        ModelPromoted(**one, action="rolled_back", automatic=False, replaced=second.pk),
    ]


def test_rolling_back_without_an_earlier_version_says_so(make, market):
    model_promote(model=make())
    with pytest.raises(NotReady) as caught:
        model_rollback(market=market, task="price")
    assert caught.value.code == "no_earlier_version"


def test_a_retired_version_cannot_be_retired_again(make):
    model = model_retire(model=model_promote(model=make()))
    with pytest.raises(Conflict):
        model_retire(model=model)


def test_where_nothing_beats_the_baseline_the_baseline_answers(make, market):
    model_consider(model=make(1.4))
    (serving_,) = serving_list(market, "price")
    assert serving_.source == "baseline"
    assert serving_.name == "last_value"


def test_without_any_version_the_answer_is_the_line_that_trains_one(market):
    with pytest.raises(NotReady) as caught:
        answer_with(market, "price", lambda *_: None)
    assert caught.value.code == "no_model"
    assert "train-price-predictor" in caught.value.message


@pytest.fixture
def broken(monkeypatch):
    """Names of the artifacts that cannot be loaded."""
    names: set[str] = set()

    def load(model):
        if model.artifact in names:
            raise ml.ArtifactBroken(f"{model.artifact} is broken")
        return model.artifact

    monkeypatch.setattr(serving, "predictor_of", load)
    return names


def test_a_broken_artifact_lets_the_previous_version_answer(make, market, broken, meeting):
    first, second = make(0.9), make(0.8)
    model_promote(model=first)
    model_promote(model=second)
    broken.add(second.artifact)
    who, answer, _ms = answer_with(market, "price", lambda s, predictor: predictor)
    assert who.model == first
    assert answer == first.artifact
    assert second.events.filter(action="broken").count() == 1
    answer_with(market, "price", lambda s, predictor: predictor)
    assert second.events.filter(action="broken").count() == 1


def test_with_every_artifact_broken_the_server_says_it_is_its_own_fault(make, market, broken):
    model = model_promote(model=make())
    broken.add(model.artifact)
    with pytest.raises(Unavailable) as caught:
        answer_with(market, "price", lambda *_: None)
    assert caught.value.code == "artifact_broken"


def test_an_artifact_that_is_missing_on_disk_is_broken(make, market, home):
    model_promote(model=make())
    with pytest.raises(Unavailable):
        answer_with(market, "price", lambda *_: None)


def test_purging_keeps_the_active_the_newest_and_the_judged(make, market, home):
    active, judged, old, new = make(0.7), make(), make(), make()
    model_promote(model=active)
    factories.make_event(judged, feedback="true")
    for model in (active, judged, old, new):
        (home / "artifacts" / model.artifact).mkdir(parents=True)
    assert [row["id"] for row in models_purge(keep=1, dry_run=True)] == [old.pk]
    assert TrainedModel.objects.count() == 4
    models_purge(keep=1)
    assert set(TrainedModel.objects.all()) == {active, judged, new}
    assert not (home / "artifacts" / old.artifact).exists()
    assert (home / "artifacts" / active.artifact).exists()


def test_an_open_event_that_is_purged_is_told_to_be_over(make):
    kept, old, _newest = make(0.7), make(), make()
    model_promote(model=kept)
    event = factories.make_event(old, is_open=True)
    factories.make_event(old)
    told = []
    with subscribed(told.append, AnomalyClosed, durable=True):
        models_purge(keep=1)
    assert [fact.event_id for fact in told] == [event.pk]


def test_purging_everything_is_refused(db):
    with pytest.raises(InvalidInput):
        models_purge(keep=0)
