"""From an artifact to what answers with forecasts (the contract of ml.pipeline)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import numpy as np

from ml.artifact import Artifact
from ml.configs import ForecastConfig, Sizes
from ml.errors import ArtifactMismatch
from ml.forecast.ensemble import Ensemble, StaticScaler
from ml.forecast.experts import Shrinkage, Simple
from ml.forecast.features import Typical
from ml.forecast.novelty import NoveltyIndex
from ml.forecast.pool import Pool
from ml.forecast.quantiles import ForecasterState
from ml.forecast.server import Forecaster
from ml.networks.loading import network_of
from ml.pipeline import family_of
from ml.spec import ModelSpec

if TYPE_CHECKING:
    from torch import nn


def load(artifact: Artifact, device: str) -> Forecaster:
    """As ml.pipeline has it."""
    manifest, tensors = artifact.manifest, artifact.tensors
    spec, plain = family_of(manifest)
    config = cast(ForecastConfig, plain)
    try:
        section = manifest["section"]
        sizes = Sizes(**section["sizes"])
        shapes = sizes.inputs(config.window)
        network = network_of(artifact, device, shapes, lambda: _built(spec, config, sizes, tensors))
        state = ForecasterState(
            window=manifest["window"],
            step_minutes=manifest["step_minutes"],
            columns=tuple(section["columns"]),
            ensemble=Ensemble(network, config.members, StaticScaler.restore(tensors)),
            shrinkage=Shrinkage(**{k: tuple(v) for k, v in section["calibration"].items()}),
            simple=Simple.from_json(section["simple"]),
            pool=Pool.from_json(section["pool"]),
            tick_size=section["tick"],
            typical=Typical(**section["typical"]),
            climatology=section["climate"],
            novelty=NoveltyIndex.restore(tensors),
        )
    except (KeyError, TypeError, RuntimeError) as error:
        raise ArtifactMismatch(f"This artifact does not fit the family {spec.name}.") from error
    return Forecaster(spec, state)


def _built(
    spec: ModelSpec, config: ForecastConfig, sizes: Sizes, tensors: Mapping[str, np.ndarray]
) -> nn.Module:
    from ml.networks.forecast import Together
    from ml.networks.weights import filled

    members = [spec.build(config, sizes) for _ in range(config.members)]
    return Together(filled(members, "member{}.", tensors))
