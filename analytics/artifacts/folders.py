"""The folders of this host."""

from __future__ import annotations

import shutil
from pathlib import Path

from analytics.conf import conf

_STAGING = ".staging"


def stage(name: str) -> Path:
    """An empty folder to train into, beside the published ones so that a rename is atomic."""
    folder = conf().artifacts / _STAGING / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def folder_of(name: str) -> Path:
    """The published folder of that name."""
    if Path(name).name != name or name.startswith("."):
        raise ValueError(f"{name!r} is not an artifact's name")
    return conf().artifacts / name


def folders() -> list[Path]:
    """Every staged and published folder of this host."""
    root = conf().artifacts
    bases = [base for base in (root, root / _STAGING) if base.is_dir()]
    found = [folder for base in bases for folder in sorted(base.iterdir())]
    return [folder for folder in found if folder.is_dir() and folder.name != _STAGING]
