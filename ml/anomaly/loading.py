"""From an artifact to what finds anomalies (the contract of ml.pipeline)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ml.anomaly.config import AnomalyConfig
from ml.anomaly.server import AnomalyServer
from ml.artifact import Artifact
from ml.errors import ArtifactMismatch
from ml.loading import network_of
from ml.pipeline import family_of
from ml.spec import ModelSpec, TrainConfig

if TYPE_CHECKING:
    from torch import nn


def load(artifact: Artifact, device: str) -> AnomalyServer:
    """As ml.pipeline has it."""
    spec, config = family_of(artifact.manifest)
    section = artifact.manifest["section"]
    if "heads" not in section:
        raise ArtifactMismatch("This detector is of an older make; train it again.")
    shapes = ((int(artifact.manifest["window"]), len(section["features"])),)
    network = network_of(artifact, device, shapes, lambda: _built(spec, config, artifact))
    return AnomalyServer(artifact.manifest, network)


def _built(spec: ModelSpec, config: TrainConfig, artifact: Artifact) -> nn.Module:
    from ml.anomaly.nets import Together
    from ml.weights import filled

    features = len(artifact.manifest["section"]["features"])
    members = cast(AnomalyConfig, config).members
    networks = [spec.build(config, features) for _ in range(members)]
    return Together(filled(networks, "{}.", artifact.tensors))
