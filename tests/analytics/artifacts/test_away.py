"""A storage that is away is a passing failure: named, waited for, and held against no version."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile

import ml
from analytics import artifacts
from analytics.artifacts import keeping, storage
from analytics.exceptions import StorageAway, Unavailable
from analytics.models import TrainedModel
from analytics.services.failures import failure_of
from analytics.services.registry import promotion, serving
from tests.factories import make_market, make_model

from .conftest import NAME

pytestmark = pytest.mark.any_database
OLDER = "price-1-run2-1"


@pytest.fixture
def market(db, use, nowhere, on_host, staged, monkeypatch):
    """Its active version lies on another host, the one before it here; the storage is away."""
    on_host("b")
    market = make_market()
    make_model(market, "price", "active", artifact=NAME)
    older = make_model(market, "price", "retired", artifact=OLDER)
    older.events.create(action="promoted", label="x")
    artifacts.publish(staged(), OLDER)
    use(nowhere)
    monkeypatch.setattr(serving, "load_predictor", lambda _pk, name, *_: Loaded(name))
    return market


class Loaded:
    task = "price"

    def __init__(self, name):
        assert artifacts.folder_of(name).is_dir()


def who_answers(market):
    return serving.answer_with(market, "price", lambda *_: None)[0].model.artifact


def test_the_next_best_answers_and_the_version_is_not_called_broken(market, caplog):
    assert who_answers(market) == OLDER
    model = TrainedModel.objects.get(artifact=NAME)
    assert not model.events.filter(action="broken").exists()
    assert "cannot be used now" in caplog.text
    assert "not-a-secret" not in caplog.text


def test_it_is_asked_again_after_a_pause_only_and_then_answers(
    market, use, tmp_path, on_host, staged, monkeypatch
):
    assert who_answers(market) == OLDER
    use(f"file://{tmp_path / 'shared'}")
    (tmp_path / "shared").mkdir()
    told = {path.name: path.read_bytes() for path in staged().iterdir()}
    made = artifacts.stage("elsewhere")
    for name, content in told.items():
        (made / name).write_bytes(content)
    storage.upload(storage.shared(), made, NAME)
    assert who_answers(market) == OLDER
    monkeypatch.setattr(keeping, "PAUSE", 0.0)
    until, why = keeping._failed[""]
    keeping._failed[""] = (until - 30.0, why)
    assert who_answers(market) == NAME


def test_where_nobody_is_here_the_answer_says_that_it_passes(market):
    TrainedModel.objects.filter(artifact=OLDER).delete()
    with pytest.raises(Unavailable) as caught:
        who_answers(market)
    assert caught.value.code == "storage_away"
    assert "\n" not in caught.value.message


def test_what_a_sound_storage_does_not_have_is_broken(market, use, tmp_path):
    use(f"file://{tmp_path / 'shared'}")
    storage.shared().save("paralelo.txt", ContentFile(b"x"))
    assert who_answers(market) == OLDER
    assert TrainedModel.objects.get(artifact=NAME).events.filter(action="broken").count() == 1


def test_no_version_is_decided_on_while_its_rival_cannot_be_fetched(market, monkeypatch):
    def away(*_):
        raise StorageAway("no network")

    monkeypatch.setattr(promotion, "assess", away)
    model = make_model(market, "price", "candidate", artifact="price-1-run3-1")
    with pytest.raises(StorageAway):
        promotion.model_consider(model=model)
    assert not model.events.exists()


def test_removing_waits_for_the_next_sweep(use, nowhere, on_host, caplog):
    folder = on_host("b") / NAME
    folder.mkdir(parents=True)
    use(nowhere)
    artifacts.discard(folder)
    assert not folder.exists()
    assert artifacts.sweep(set()) == []
    assert caplog.text.count("left for the next sweep") == 2


def test_publishing_tries_again_and_then_leaves_nothing_published(
    use, nowhere, on_host, staged, monkeypatch, caplog
):
    monkeypatch.setattr(storage, "TRIES", 2)
    use(nowhere)
    root = on_host("a")
    with pytest.raises(StorageAway) as caught:
        artifacts.publish(staged(), NAME)
    assert failure_of(caught.value) is caught.value
    assert caplog.text.count("another try") == 1
    assert not (root / NAME).exists()


def test_publishing_survives_a_short_absence(use, tmp_path, on_host, staged, monkeypatch):
    use(f"file://{tmp_path / 'shared'}")
    real, calls = storage._mark, []

    def mark(*asked):
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError("reset")
        real(*asked)

    monkeypatch.setattr(storage, "_mark", mark)
    on_host("a")
    artifacts.publish(staged(), NAME)
    on_host("b")
    artifacts.fetch(NAME)
    assert len(calls) == 2


def test_a_version_of_another_kind_is_still_refused(market, monkeypatch):
    monkeypatch.setattr(Loaded, "task", "spread")
    with pytest.raises(ml.ArtifactMismatch):
        serving.predictor_of(TrainedModel.objects.get(artifact=OLDER))
