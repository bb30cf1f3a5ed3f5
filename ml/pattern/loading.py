"""From an artifact to what names patterns (the contract of ml.pipeline)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml.artifact import Artifact
from ml.errors import ArtifactMismatch
from ml.networks.loading import network_of
from ml.pattern.analogues import Library, Scaler
from ml.pattern.features import mirror_of
from ml.pattern.labels import CLASSES
from ml.pattern.server import PatternRecognizer
from ml.pipeline import family_of
from ml.spec import ModelSpec, TrainConfig

if TYPE_CHECKING:
    from torch import nn


def load(artifact: Artifact, device: str) -> PatternRecognizer:
    """As ml.pipeline has it."""
    spec, config = family_of(artifact.manifest)
    try:
        section = artifact.manifest["section"]
        shapes = ((int(section["window"]), len(section["channels"])),)
        return PatternRecognizer(
            artifact.manifest,
            network_of(artifact, device, shapes, lambda: _built(spec, config, artifact)),
            Scaler.from_tensors(artifact.tensors),
            Library.from_tensors(artifact.tensors),
        )
    except (KeyError, TypeError, RuntimeError) as error:
        raise ArtifactMismatch(
            "This pattern model was written by another version; train it again.",
            {"artifact": str(error).splitlines()[0]},
        ) from error


def _built(spec: ModelSpec, config: TrainConfig, artifact: Artifact) -> nn.Module:
    import torch

    from ml.networks.pattern import Together
    from ml.networks.weights import filled

    section = artifact.manifest["section"]
    classes = {head: len(CLASSES[head]) for head in section["heads"]}
    channels, figures = tuple(section["channels"]), int(section["figures"])
    networks = [
        spec.build(config, len(channels), classes, figures) for _ in range(int(section["networks"]))
    ]
    together = filled(networks, "{}.", artifact.tensors)
    return Together(together, torch.from_numpy(mirror_of(channels)), tuple(section["heads"]))
