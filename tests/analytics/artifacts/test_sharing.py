"""What one host publishes every host has, whole or not at all, whoever is killed when."""

from __future__ import annotations

import threading

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command

from analytics import artifacts
from analytics.artifacts import storage
from analytics.exceptions import StorageAway
from analytics.models import TrainedModel
from analytics.selectors.frames import price_frame
from analytics.services.backups.backup import backup_make
from analytics.services.backups.restore import backup_restore
from analytics.services.registry.purge import models_purge
from analytics.services.registry.serving import answer_with
from tests.factories import make_market, make_model, make_quotes
from tests.kills import killed_at

from .conftest import NAME

pytestmark = pytest.mark.any_database
#: What differs between storages is tested on both; the rest on the faster one.
on_files = pytest.mark.parametrize("address", ["file"], indirect=True)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_version_answers_the_same_on_the_host_that_made_it_and_on_another(
    db, address, on_host, staged, facts
):
    market = make_market(cadence_minutes=30)
    make_quotes(market, 1200)
    model = make_model(market, "price", "active", **facts)
    frame = price_frame(market)

    def ask():
        who, told, _ms = answer_with(market, "price", lambda _s, p: p.predict_price(frame))
        return who.model.pk, told.horizons

    there = on_host("a")
    artifacts.publish(staged(real=True), NAME)
    first = ask()
    here = on_host("b")
    assert not here.exists()
    assert ask() == first == (model.pk, first[1])
    assert contents(here / NAME) == contents(there / NAME)
    assert artifacts.folders() == [here / NAME]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_publisher_killed_at_the_marker_leaves_all_or_nothing(store, on_host, staged, when):
    there = on_host("a")
    folder = staged()
    assert killed_at(
        lambda: artifacts.publish(folder, NAME), "analytics.artifacts.storage._mark", when
    )
    assert not (there / NAME).exists()
    here = on_host("b")
    if when == "before":
        assert "weights.safetensors" in store.listdir(NAME)[1]
        with pytest.raises(FileNotFoundError):
            artifacts.fetch(NAME)
        assert artifacts.folders() == []
    else:
        artifacts.fetch(NAME)
        assert contents(here / NAME) == contents(folder)
    # Nobody's row names it, and the day of grace is over.
    assert artifacts.sweep(set(), older_than_seconds=-5)[-1] == NAME
    assert store.listdir("")[0] == []


@on_files
def test_two_that_fetch_at_once_are_both_fine(store, on_host, staged, monkeypatch):
    on_host("a")
    artifacts.publish(staged(), NAME)
    here = on_host("b")
    both, real, raised = threading.Barrier(2, timeout=30), storage.download, []

    def download(*asked):
        real(*asked)
        both.wait()

    def fetch():
        try:
            artifacts.fetch(NAME)
        except BaseException as error:
            raised.append(error)

    monkeypatch.setattr(storage, "download", download)
    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []
    assert artifacts.folders() == [here / NAME]


@on_files
@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("weights.safetensors", b"0" * 99),
        ("weights.safetensors", b"1" * 100),
        ("complete.json", b'{"weights.safetensors": {"bytes"'),
        ("complete.json", b'{"../../elsewhere": {"bytes": 1}}'),
        ("weights.safetensors", None),
    ],
)
def test_what_is_not_as_it_was_put_there_is_never_published(
    address, store, on_host, staged, tmp_path, file, content
):
    on_host("a")
    artifacts.publish(staged(), NAME)
    store.delete(f"{NAME}/{file}")
    if content is not None:
        store.save(f"{NAME}/{file}", ContentFile(content))
    on_host("b")
    with pytest.raises(FileNotFoundError):
        artifacts.fetch(NAME)
    assert artifacts.folders() == []
    assert not list(tmp_path.rglob("elsewhere"))


def test_a_storage_that_is_not_the_one_is_away_and_has_not_lost_anything(store, on_host):
    on_host("b")
    with pytest.raises(StorageAway, match="is not the one"):
        artifacts.fetch(NAME)


# ------------------------------------------------------------------------------------ keeping house
def test_a_sweep_spares_what_a_row_names_what_is_young_and_what_is_not_ours(store, on_host, staged):
    on_host("a")
    names = [f"price-1-run{run}-1" for run in (1, 2)]
    for name in names:
        artifacts.publish(staged(), name)
    store.save("holiday/picture.png", ContentFile(b"x"))
    on_host("c")
    assert artifacts.sweep(set(), older_than_seconds=3600) == []
    assert artifacts.sweep({names[0]}, older_than_seconds=-5) == [names[1]]
    assert sorted(store.listdir("")[0]) == ["holiday", names[0]]
    assert store.listdir(names[0])[1]


@on_files
def test_a_purged_version_leaves_the_storage_too(db, store, on_host, staged):
    market = make_market()
    on_host("a")
    for run in (1, 2):
        name = f"price-1-run{run}-1"
        make_model(market, "price", "retired", artifact=name)
        artifacts.publish(staged(), name)
    on_host("b")
    assert len(models_purge(keep=1)) == 1
    assert store.listdir("")[0] == list(TrainedModel.objects.values_list("artifact", flat=True))


@on_files
def test_a_backup_on_another_host_has_all_and_restored_shares_it(
    db, use, store, on_host, staged, tmp_path
):
    on_host("a")
    made = staged()
    wanted = contents(made)
    artifacts.publish(made, NAME)
    make_model(make_market(), "price", "active", artifact=NAME)
    on_host("b")
    told = backup_make(path=tmp_path / "server.zip")
    assert told["missing"] == []
    artifacts.discard(artifacts.folder_of(NAME))
    assert store.listdir("")[0] == []
    on_host("c")
    backup_restore(path=tmp_path / "server.zip", force=True)
    here = on_host("d")
    artifacts.fetch(NAME)
    assert contents(here / NAME) == wanted


@on_files
def test_what_was_made_before_there_was_a_storage_is_put_there_once(
    db, use, address, on_host, staged, capsys
):
    on_host("a")
    use("")
    artifacts.publish(staged(), NAME)
    make_model(make_market(), "price", "active", artifact=NAME)
    use(address)
    call_command("share_artifacts")
    assert capsys.readouterr().out == f"{NAME}\n1 of 1 versions were put into the storage.\n"
    call_command("share_artifacts")
    assert capsys.readouterr().out == "0 of 1 versions were put into the storage.\n"
    here = on_host("b")
    artifacts.fetch(NAME)
    assert (here / NAME / "manifest.json").is_file()
