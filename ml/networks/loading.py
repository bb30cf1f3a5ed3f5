"""From an artifact to its network, for the modules that load the tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ml.artifact import Artifact
from ml.errors import ArtifactMismatch
from ml.graph import Graph, Network, note_path, runs_graphs

if TYPE_CHECKING:
    from torch import nn


def network_of(
    artifact: Artifact,
    device: str,
    shapes: tuple[tuple[int, ...], ...],
    build: Callable[[], nn.Module],
) -> Network:
    """The artifact's network, ready to be asked with inputs of `shapes` (without the batch): its
    graph; or what `build` makes of its weights, in the fastest way, where it has no graph or is to
    answer on another device than the CPU. Raises ArtifactMismatch where the graph cannot be run,
    takes other inputs or answers nothing finite."""
    if artifact.graph is None or device != "cpu" or not runs_graphs():
        from ml.networks.inference import quick_network

        return quick_network(build(), shapes, device)
    try:
        graph = Graph(artifact.graph)
        if tuple(graph.inputs.values()) != shapes:
            raise ValueError(f"its inputs are {[*graph.inputs.values()]}, not {[*shapes]}")
        found = graph.arrays(*(np.zeros((1, *shape), np.float32) for shape in shapes))
        if not all(np.isfinite(array).all() for array in found):
            raise ValueError("it answers what is no finite number")
    except Exception as error:  # of onnxruntime's own kinds too
        raise ArtifactMismatch(
            "This artifact's network cannot be run here; train it again.",
            {"artifact": str(error).splitlines()[0]},
        ) from error
    note_path(graph.path)
    return graph
