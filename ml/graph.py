"""A trained network as an ONNX graph: arrays in, arrays out, without torch.

A process that only answers then loads neither torch (190 MB, two seconds) nor a network's code. The
graph is data: onnxruntime knows its operators, and no other code is in it.
"""

from __future__ import annotations

import importlib.util
from typing import Any, Protocol

import numpy as np

#: The way of asking, as model-info has it.
ONNXRUNTIME = "onnxruntime"
_taken: set[str] = set()


class Network(Protocol):
    """A trained network however it is run. `path` says how: "onnxruntime", "eager" or "ipex"."""

    path: str

    def arrays(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Float32 arrays, the batch first, as the network takes them -> what it answers with."""


def active_paths() -> list[str]:
    """The ways that networks of this process were given, plain PyTorch apart."""
    return sorted(_taken - {"eager"})


def note_path(path: str) -> None:
    """A network of this process was given that way."""
    _taken.add(path)


def runs_graphs() -> bool:
    """Whether onnxruntime is installed."""
    return importlib.util.find_spec("onnxruntime") is not None


class Graph:
    """A graph in a session of onnxruntime, on one thread of the CPU. Threads may share it."""

    path = ONNXRUNTIME

    def __init__(self, body: bytes) -> None:
        """Raises what onnxruntime raises for bytes that are no graph."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.body = body
        self._session: Any = onnxruntime.InferenceSession(
            body, options, providers=["CPUExecutionProvider"]
        )
        #: Name of each input -> its shape without the batch.
        self.inputs: dict[str, tuple[int, ...]] = {
            entry.name: tuple(entry.shape[1:]) for entry in self._session.get_inputs()
        }

    def arrays(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """As Network has it."""
        return tuple(self._session.run(None, dict(zip(self.inputs, inputs, strict=True))))
