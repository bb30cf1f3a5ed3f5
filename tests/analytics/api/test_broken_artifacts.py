"""An artifact that cannot be used is the server's own fault: 503, in the one shape; and the version
before answers where there is one."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
import torch
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient
from safetensors.numpy import load_file, save_file

import ml
from analytics.models import TrainedModel
from analytics.services.jobs.training import training_execute, training_request
from analytics.services.prices.simulation import price_simulate
from analytics.services.registry import serving
from ml.artifact import file_sha256
from ml.networks import inference
from tests.factories import make_model, make_run

pytestmark = pytest.mark.any_database

SMALL = {"epochs": 1, "members": 1, "hidden": 8, "width": 16, "batch_size": 128}
LINE = "/api/v1/analytics/dl/predict-price"


@pytest.fixture
def client(admin_user):
    client = APIClient()
    client.force_authenticate(admin_user)
    return client


#: The one training of this module: its folder, and the version's fields.
_MADE: dict = {}


@pytest.fixture
def trained(db, home, tmp_path_factory):
    """A market with one real price version; trained once, copied for every test."""
    market = price_simulate(days=40, seed=2)
    serving.load_predictor.cache_clear()
    if _MADE:
        values = _MADE["values"]
        shutil.copytree(_MADE["folder"], home / "artifacts" / values["artifact"])
        run = make_run(market, "price", "succeeded")
        return TrainedModel.objects.create(market=market, run=run, **values)
    run = training_request(market=market, task="price", params=SMALL)
    training_execute(run_id=run.pk)
    run.refresh_from_db()
    _MADE["folder"] = tmp_path_factory.mktemp("trained") / "artifact"
    shutil.copytree(home / "artifacts" / run.model.artifact, _MADE["folder"])
    own = {"id", "market_id", "run_id"}
    fields = (field.attname for field in TrainedModel._meta.concrete_fields)
    _MADE["values"] = {name: getattr(run.model, name) for name in fields if name not in own}
    return run.model


def break_it(folder, how):
    weights, manifest = folder / "weights.safetensors", folder / "manifest.json"
    if how == "no folder":
        folder.rename(folder.with_name("elsewhere"))
    elif how == "no weights":
        weights.unlink()
    elif how == "cut weights":
        weights.write_bytes(weights.read_bytes()[:100])
    elif how == "other weights":
        weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    elif how == "no network":
        (folder / "network.onnx").unlink()
    elif how == "other network":
        network = folder / "network.onnx"
        network.write_bytes(network.read_bytes()[:-1] + b"x")
    elif how == "other manifest":
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "window": 3}))
    else:
        manifest.write_text("{")


HOWS = [
    *("no folder", "no weights", "cut weights", "other weights", "no network", "other network"),
    *("other manifest", "no json"),
]


@pytest.mark.parametrize("how", HOWS)
def test_a_broken_artifact_is_a_503_and_leaves_no_forecast(client, trained, home, how):
    break_it(home / "artifacts" / trained.artifact, how)
    answer = client.post(LINE, {}, format="json")
    assert answer.status_code == 503
    assert answer.json()["code"] == "artifact_broken"
    assert {"message", "fields"} <= answer.json().keys()
    assert not trained.forecasts.exists()


def test_the_version_that_still_loads_answers(client, trained):
    TrainedModel.objects.filter(pk=trained.pk).update(status="retired")
    make_model(trained.market, artifact="gone")
    answer = client.post(LINE, {}, format="json")
    assert answer.status_code == 200
    assert answer.json()["model"]["id"] == trained.pk


# ----------------------------------------------------------- sound by its sums, and no use at all
def rewrite(model, folder, change=None, weights=None, network=None):
    """Write the artifact anew, with right checksums: only its content is wrong. Other `weights` are
    those of an artifact without a graph, which is built of them."""
    manifest = json.loads((folder / "manifest.json").read_text())
    tensors = load_file(folder / "weights.safetensors")
    if weights is not None:
        weights(tensors)
        save_file(tensors, folder / "weights.safetensors")
        manifest["weights_sha256"] = file_sha256(folder / "weights.safetensors")
        del manifest["graph_sha256"]
    if network is not None:
        graph = folder / "network.onnx"
        graph.write_bytes(network(graph.read_bytes()))
        manifest["graph_sha256"] = file_sha256(graph)
    text = json.dumps(manifest)
    text = change(manifest, text) if change is not None else text
    (folder / "manifest.json").write_text(text)
    TrainedModel.objects.filter(pk=model.pk).update(checksum=file_sha256(folder / "manifest.json"))


def all_nan(tensors):
    for name, array in tensors.items():
        tensors[name] = np.full_like(array, np.nan)


def fewer(tensors):
    tensors.pop(next(iter(tensors)))


def manifest_with(**fields):
    return {"change": lambda manifest, _text: json.dumps({**manifest, **fields})}


def graph_of_another(_graph):
    """That of a network with one input."""
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(6, 2)).eval()
    return inference._onnxruntime(module, (torch.ones(1, 2, 3),)).graph.body


def graph_with_nan(graph):
    model = onnx.load_model_from_string(graph)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            array = np.full_like(onnx.numpy_helper.to_array(tensor), np.nan)
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    return model.SerializeToString()


DEEP = "[" * 90_000 + "]" * 90_000
USELESS = {
    "unknown family": manifest_with(family="no_such"),
    "unknown task": manifest_with(task="no_such"),
    "another task": manifest_with(task="pattern", family="cnn"),
    "family of another type": manifest_with(family=[1]),
    "config out of range": manifest_with(config={"hidden": -5}),
    "config of another kind": manifest_with(config=7),
    "nested too deeply": {"change": lambda _manifest, text: f'{text[:-1]}, "x": {DEEP}}}'},
    "another format": manifest_with(format=99),
    "NaN weights": {"weights": all_nan},
    "a tensor less": {"weights": fewer},
    "no graph at all": {"network": lambda _graph: b"nothing"},
    "a cut graph": {"network": lambda graph: graph[: len(graph) // 2]},
    "the graph of another": {"network": graph_of_another},
    "a graph with NaN": {"network": graph_with_nan},
}


@pytest.mark.parametrize("how", USELESS)
def test_an_artifact_that_is_no_use_falls_back_and_is_shown(client, trained, home, how):
    """A second version is active and useless; the first, promoted before it, answers."""
    folder = home / "artifacts" / trained.artifact
    bad = make_model(trained.market, status="candidate", artifact="useless", score=0.1)
    shutil.copytree(folder, home / "artifacts" / "useless")
    rewrite(bad, home / "artifacts" / "useless", **USELESS[how])
    TrainedModel.objects.filter(pk=trained.pk).update(status="retired")
    TrainedModel.objects.filter(pk=bad.pk).update(status="active")
    trained.events.get_or_create(action="promoted", label="x")
    for _asked in range(2):
        answer = client.post(LINE, {}, format="json")
        assert answer.status_code == 200, answer.content
        assert answer.json()["model"]["id"] == trained.pk
    assert bad.events.filter(action="broken").count() == 1
    base = "/api/v1/analytics"
    assert client.get(f"{base}/models/{bad.pk}").json()["broken"] is True
    assert client.get(f"{base}/models/{trained.pk}").json()["broken"] is False
    info = client.get(f"{base}/dl/model-info").json()
    assert info["markets"][0]["tasks"]["price"]["broken"] is True
    client.force_login(get_user_model().objects.get())
    assert "broken" in client.get("/admin/analytics/trainedmodel/").content.decode()
    page = client.get(f"/markets/{bad.market_id}/").content.decode()
    assert "✗ broken" in page


def test_an_answer_that_is_not_finite_falls_back(client, trained, monkeypatch):
    real = ml.DLPredictor.predict_price

    def wild(self, frame, *, source, **asked):
        told = real(self, frame, source=source, **asked)
        if source != ml.Source.NETWORK:
            return told
        first = dataclasses.replace(told.horizons[0], value=float("inf"))
        return dataclasses.replace(told, horizons=(first, *told.horizons[1:]))

    monkeypatch.setattr(ml.DLPredictor, "predict_price", wild)
    TrainedModel.objects.filter(pk=trained.pk).update(status="active")
    answer = client.post(LINE, {}, format="json").json()
    assert answer["model"]["source"] == "baseline"
    assert trained.events.filter(action="broken").count() == 1
