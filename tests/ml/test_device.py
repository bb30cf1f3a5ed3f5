"""Where tensors go, and that the fast way answers what the plain one answers."""

from __future__ import annotations

import json
import random
from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import nn

import ml
from ml.device import set_seeds, set_threads
from ml.networks import inference

Pair = namedtuple("Pair", "left right")


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(3, 8, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


class Stubborn(nn.Module):
    """Branches on its data and leaves torch: no graph says the same."""

    def forward(self, x):
        return x * float(np.median(x.numpy()))


class TwoAnswers(nn.Module):
    def forward(self, x, y):
        return x + y, x * y


@pytest.mark.parametrize("wish", ["cuda:99", "mps:7", "warp", "xpu:9", "cpu:x", "meta"])
def test_a_wish_that_cannot_be_met_is_refused_with_the_choices(wish):
    with pytest.raises(ml.DeviceUnavailable) as caught:
        ml.get_device(wish)
    assert "cpu" in caught.value.fields["device"]


def test_the_cpu_is_always_there():
    assert ml.get_device("cpu") == torch.device("cpu")
    assert ml.get_device().type in ("cpu", "cuda", "xpu", "mps")
    assert ml.get_device("auto") == ml.get_device()


def test_to_device_reaches_every_nesting():
    here = torch.ones(2)
    moved = ml.to_device({"a": [here, (here, "text")], "b": Pair(here, None)}, "meta")
    assert moved["a"][0].device.type == "meta"
    assert moved["a"][1][0].device.type == "meta"
    assert moved["a"][1][1] == "text"
    assert isinstance(moved["b"], Pair)
    assert moved["b"].left.device.type == "meta"
    assert moved["b"].right is None
    assert next(ml.to_device(Recurrent(), "meta").parameters()).device.type == "meta"


@pytest.mark.parametrize("batch", [1, 5])
def test_an_optimised_network_agrees_on_another_batch_size(batch):
    set_seeds(0)
    module = Recurrent()
    fast = ml.optimize_model_for_inference(module, (torch.randn(1, 6, 3),))
    assert fast.path in ("eager", "onnxruntime", "ipex")
    x = torch.randn(batch, 6, 3)
    with torch.inference_mode():
        torch.testing.assert_close(fast(x), module(x), atol=1e-5, rtol=1e-5)


def test_the_exported_way_agrees_too():
    pytest.importorskip("onnxruntime")
    set_seeds(0)
    module = Recurrent().eval()
    call = inference._onnxruntime(module, (torch.randn(1, 6, 3),))
    x = torch.randn(4, 6, 3)
    with torch.inference_mode():
        torch.testing.assert_close(call(x), module(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("way", ["eager", "onnxruntime"])
def test_arrays_are_answered_as_tensors_are(way):
    example = (torch.ones(1, 2), torch.ones(1, 2))
    if way == "eager":
        call = inference._eager(TwoAnswers())
    else:
        pytest.importorskip("onnxruntime")
        call = inference._onnxruntime(TwoAnswers(), example)
    fast = inference.OptimizedModel(call, way, torch.device("cpu"))
    inputs = (torch.randn(3, 2), torch.randn(3, 2))
    found = fast.arrays(*(tensor.numpy() for tensor in inputs))
    assert [type(array) for array in found] == [np.ndarray] * 2
    for array, tensor in zip(found, fast(*inputs), strict=True):
        assert array.tolist() == tensor.tolist()


def test_several_inputs_and_answers_pass():
    fast = ml.optimize_model_for_inference(TwoAnswers(), (torch.ones(1, 2), torch.ones(1, 2)))
    total, product = fast(torch.full((3, 2), 2.0), torch.full((3, 2), 5.0))
    assert total.tolist() == [[7.0, 7.0]] * 3
    assert product.tolist() == [[10.0, 10.0]] * 3


def test_a_module_that_cannot_be_exported_stays_eager():
    fast = ml.optimize_model_for_inference(Stubborn(), (torch.rand(2, 3),))
    assert fast.path == "eager"
    assert fast(torch.full((1, 3), 2.0)).tolist() == [[4.0, 4.0, 4.0]]


def test_gpu_info_is_plain_json():
    info = json.loads(json.dumps(ml.get_gpu_info()))
    assert info["type"] == ml.get_device().type
    assert info["threads"] >= 1
    if info["type"] == "cpu":
        assert info["memory_total"] is None


def test_gpu_status_is_printed_for_people(capsys):
    ml.print_gpu_status()
    printed = capsys.readouterr().out
    assert "Device:" in printed
    assert torch.__version__ in printed


def test_seeds_make_every_chance_repeat():
    def draw():
        set_seeds(7)
        return random.random(), float(np.random.random()), torch.rand(3).tolist()

    assert draw() == draw()


def test_threads_are_at_least_one():
    before = torch.get_num_threads()
    try:
        set_threads(0)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
