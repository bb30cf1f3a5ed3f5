"""The fastest way to ask a trained network on this machine, giving the same answers."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import io
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ml.graph import ONNXRUNTIME, Graph, Network, note_path, runs_graphs

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

#: How far an optimised answer may be from the plain one (absolute and relative).
TOLERANCE = 1e-5
_TRIALS = 8


class OptimizedModel:
    """A network ready to answer: call it with tensors, get what the module would return.

    `path` says which way was taken: "eager", "onnxruntime" or "ipex"."""

    def __init__(self, call: Callable[..., Any], path: str, device: torch.device) -> None:
        self._call, self._device = call, device
        self.path = path

    def __call__(self, *inputs: Tensor) -> Any:
        """What the module returns for `inputs`, without gradients."""
        return self._call(*inputs)

    def arrays(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """The same of arrays, and always as a tuple: onnxruntime needs no tensors."""
        if isinstance(self._call, _Session):
            return self._call.graph.arrays(*inputs)
        import torch

        found = self._call(*(torch.from_numpy(array).to(self._device) for array in inputs))
        tensors = found if isinstance(found, tuple) else (found,)
        return tuple(tensor.cpu().numpy() for tensor in tensors)

    @property
    def graph(self) -> bytes | None:
        """For an artifact, where onnxruntime is the way; ml.graph runs it without torch."""
        return self._call.graph.body if isinstance(self._call, _Session) else None


def plain_network(module: nn.Module, device: torch.device) -> OptimizedModel:
    """The module as it is, where it is asked a few times only: nothing is measured."""
    return OptimizedModel(_eager(module.to(device).eval()), "eager", device)


def quick_network(module: nn.Module, shapes: Sequence[tuple[int, ...]], device: Any) -> Network:
    """`optimize_model_for_inference` for inputs of these shapes, without the batch."""
    return optimize_model_for_inference(module.to(device), _waves(shapes, device))


def graph_of(module: nn.Module, shapes: Sequence[tuple[int, ...]]) -> bytes | None:
    """The graph of a network with inputs of these shapes (without the batch), where onnxruntime is
    its fastest way on a CPU and gives the same answers; else None."""
    on_cpu = copy.deepcopy(module).to("cpu")  # who trains goes on asking it where it is
    return optimize_model_for_inference(on_cpu, _waves(shapes, "cpu")).graph


def _waves(shapes: Sequence[tuple[int, ...]], device: Any) -> tuple[Tensor, ...]:
    """Waves, so that ways are compared on numbers, not on nothing."""
    import torch

    sizes = [math.prod(shape) for shape in shapes]
    return tuple(
        torch.sin(torch.arange(size, device=device) * 0.37).reshape(1, *shape)
        for size, shape in zip(sizes, shapes, strict=True)
    )


def optimize_model_for_inference(
    module: nn.Module, example_inputs: tuple[Tensor, ...]
) -> OptimizedModel:
    """The fastest path present whose answers agree with plain PyTorch to 1e-5.

    `example_inputs` is one call's tensors with the batch first. Paths tried: Intel's extension if
    importable, onnxruntime (CPU only), plain eager. A path that fails to build, or whose answers
    differ on the examples or on another batch size, is left out; of the rest, the fastest on the
    examples wins.
    """
    module = module.eval()
    eager = _eager(module)
    device = example_inputs[0].device
    paths = [OptimizedModel(eager, "eager", device)]
    on_cpu = all(tensor.device.type == "cpu" for tensor in example_inputs)
    for name, build in (("ipex", _ipex), (ONNXRUNTIME, _onnxruntime)):
        if not on_cpu:
            continue
        call = build(module, example_inputs)
        if call is not None and _agrees(call, eager, example_inputs):
            paths.append(OptimizedModel(call, name, device))
    best = paths[0]
    if len(paths) > 1:
        best = min(paths, key=lambda path: _seconds(path, example_inputs))
    note_path(best.path)
    return best


def _eager(module: nn.Module) -> Callable[..., Any]:
    import torch

    def call(*inputs: Tensor) -> Any:
        with torch.inference_mode():
            return module(*inputs)

    return call


def _ipex(module: nn.Module, example: tuple[Tensor, ...]) -> Callable[..., Any] | None:
    # Archived (last for torch 2.8): used where it is present, never required.
    if importlib.util.find_spec("intel_extension_for_pytorch") is None:
        return None
    try:
        ipex = importlib.import_module("intel_extension_for_pytorch")
        return _eager(ipex.optimize(module))
    except Exception:  # whatever a foreign extension raises, plain PyTorch serves
        return None


def _onnxruntime(module: nn.Module, example: tuple[Tensor, ...]) -> Callable[..., Any] | None:
    if not runs_graphs() or importlib.util.find_spec("onnx") is None:
        return None
    try:
        graph = Graph(_export(module, example))
    except Exception:  # an operator without a counterpart: plain PyTorch serves
        return None
    if [*graph.inputs.values()] != [tuple(tensor.shape[1:]) for tensor in example]:
        return None
    return _Session(graph, single=_single_output(module, example))


def _single_output(module: nn.Module, example: tuple[Tensor, ...]) -> bool:
    import torch

    return isinstance(_eager(module)(*example), torch.Tensor)


class _Session:
    """A graph, called with tensors as the module is."""

    def __init__(self, graph: Graph, *, single: bool) -> None:
        self.graph, self._single = graph, single

    def __call__(self, *inputs: Tensor) -> Any:
        import torch

        found = self.graph.arrays(*(tensor.detach().numpy() for tensor in inputs))
        outputs = tuple(torch.from_numpy(array) for array in found)
        return outputs[0] if self._single else outputs


def _export(module: nn.Module, example: tuple[Tensor, ...]) -> bytes:
    import torch

    names = [f"input_{i}" for i in range(len(example))]
    stream: Any = io.BytesIO()  # torch writes to a stream too; its annotation forgets it
    with _quiet(), torch.no_grad():
        torch.onnx.export(
            module,
            example,
            stream,
            input_names=names,
            dynamic_axes={name: {0: "batch"} for name in names},
            dynamo=False,
        )
    return stream.getvalue()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # The exporter warns about itself and about batch sizes of recurrent nets; `_agrees` checks
    # another batch size, so nothing that matters is silenced.
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _agrees(
    call: Callable[..., Any], eager: Callable[..., Any], example: tuple[Tensor, ...]
) -> bool:
    import torch

    other = tuple(torch.cat([tensor, tensor * 0.5, -tensor]) for tensor in example)
    try:
        return all(_is_close(call(*inputs), eager(*inputs)) for inputs in (example, other))
    except Exception:  # fails: not a path
        return False


def _is_close(got: Any, want: Any) -> bool:
    """Whether two answers are alike."""
    import torch

    # Not torch.testing.assert_close: it loads what of torch is made for many machines, and sympy
    # (a second, and 37 MB).
    got, want = (x if isinstance(x, tuple) else (x,) for x in (got, want))
    return len(got) == len(want) and all(
        a.shape == b.shape and a.dtype == b.dtype and torch.allclose(a, b, TOLERANCE, TOLERANCE)
        for a, b in zip(got, want, strict=True)
    )


def _seconds(call: Callable[..., Any], example: tuple[Tensor, ...]) -> float:
    """Best of some trials: the least disturbed one."""
    best = float("inf")
    for _ in range(_TRIALS):
        started = time.perf_counter()
        call(*example)
        best = min(best, time.perf_counter() - started)
    return best
