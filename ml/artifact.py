"""An artifact is a folder: manifest.json, weights.safetensors and, where onnxruntime is the fastest
way to ask the network, network.onnx. All of it is data, never code.

The manifest carries the format's number, the sha256 of the others, the library versions, the data
window and the metrics, so that a folder explains itself without a database.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.errors import ArtifactBroken, ArtifactMismatch

FORMAT = 1
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
GRAPH = "network.onnx"


@dataclass(frozen=True)
class Artifact:
    """A verified artifact: `manifest` is plain JSON, `tensors` all that was learnt, by name, and
    `graph` the network for ml.graph, None where there is none."""

    folder: Path
    manifest: dict[str, Any]
    tensors: dict[str, np.ndarray]
    graph: bytes | None = None


def file_sha256(path: Path) -> str:
    """Hex digest of a file's bytes, read piecewise."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def save_artifact(
    folder: Path,
    manifest: Mapping[str, Any],
    tensors: Mapping[str, np.ndarray],
    graph: bytes | None = None,
) -> str:
    """Write an artifact into `folder` (made if missing) and return the manifest's sha256, which
    covers the other files through their own sums. The caller publishes the folder with one
    rename."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights, network = folder / WEIGHTS, folder / GRAPH
    save_file({name: np.asarray(array, order="C") for name, array in tensors.items()}, weights)
    body = {"format": FORMAT, **manifest, "weights_sha256": file_sha256(weights)}
    network.unlink(missing_ok=True)  # of an attempt before
    if graph is not None:
        network.write_bytes(graph)
        body["graph_sha256"] = file_sha256(network)
    path = folder / MANIFEST
    # allow_nan: a manifest is JSON for other programs too, so NaN must not slip in.
    path.write_text(json.dumps(body, indent=1, sort_keys=True, allow_nan=False) + "\n")
    for written in (weights, network, path):
        if written.is_file():
            with written.open("rb") as stream:
                os.fsync(stream.fileno())
    return file_sha256(path)


def read_manifest(folder: Path, *, checksum: str | None = None) -> dict[str, Any]:
    """The manifest alone, checked against its sha256 where a `checksum` is given. Raises
    ArtifactBroken and ArtifactMismatch."""
    path = folder / MANIFEST
    if not path.is_file():
        raise ArtifactBroken(f"The artifact {folder.name} has no {MANIFEST}.")
    if checksum is not None and file_sha256(path) != checksum:
        raise ArtifactBroken(f"The manifest of {folder.name} does not match its checksum.")
    try:
        manifest = json.loads(path.read_text())
    except ValueError as error:
        raise ArtifactBroken(f"The manifest of {folder.name} is not JSON.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ArtifactMismatch(
            f"The artifact {folder.name} has format {manifest.get('format')!r}, not {FORMAT}."
            if isinstance(manifest, dict)
            else f"The manifest of {folder.name} is not an object."
        )
    return manifest


def load_artifact(folder: Path, *, checksum: str | None = None) -> Artifact:
    """Read and verify an artifact. `checksum` is the manifest's sha256 from `save_artifact`. Raises
    ArtifactBroken and ArtifactMismatch."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    manifest = read_manifest(folder, checksum=checksum)
    weights = _read(folder, WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != manifest.get("weights_sha256"):
        raise ArtifactBroken(f"The weights of {folder.name} do not match their checksum.")
    graph = None
    if (wanted := manifest.get("graph_sha256")) is not None:
        graph = _read(folder, GRAPH)
        if hashlib.sha256(graph).hexdigest() != wanted:
            raise ArtifactBroken(f"The network of {folder.name} does not match its checksum.")
    try:
        tensors = load(weights)
    except (SafetensorError, KeyError) as error:  # KeyError: of a type that numpy has not
        raise ArtifactBroken(f"The weights of {folder.name} cannot be read.") from error
    return Artifact(folder, manifest, tensors, graph)


def _read(folder: Path, name: str) -> bytes:
    path = folder / name
    if not path.is_file():
        raise ArtifactBroken(f"The artifact {folder.name} has no {name}.")
    return path.read_bytes()
