"""Recording, part by part, and comparing two recordings."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bench.golden import library, reads, refusals, trainings
from bench.golden.compare import Comparison
from bench.golden.faces import story
from bench.golden.plain import masked
from bench.golden.series import NOW, Series, read_series, values_of
from bench.golden.world import World

#: Series and families of the parts that train; the first with the families' own sizes.
_TRAINED = {
    "bob": trainings.USUAL,
    "sim": trainings.SMALL,
    "candles": {name: trainings.SMALL[name] for name in ("lstm", "autoencoder", "cnn")},
}
_LIBRARY = ("basics", "backtests", "comparisons", "scored")
#: What is read when the server's story is over, in this order: the later ones change rows.
_READS: dict[str, Callable[[World], Any]] = {
    "lists": reads.lists,
    "texts": reads.texts,
    "schema": reads.schema,
    "refusals": refusals.refusals,
    "permissions": reads.permissions,
    "commands": reads.commands,
}
_SERVER = ("story", *_READS)
PARTS = (
    *_LIBRARY,
    *(f"{series}-{family}" for series, found in _TRAINED.items() for family in found),
    *_SERVER,
)
ABOUT = "about.json"
_SPANISH = Path("locale/es/LC_MESSAGES/django.mo")


def record(folder: Path, data: Path, only: str = "*") -> int:
    """Write `<part>.json` for every part, and what they were made with; 2 where the
    folder is not empty or a part of the product is not built."""
    if folder.exists() and any(folder.iterdir()):
        _say(f"{folder} is not empty.")
        return 2
    if not _SPANISH.exists():
        _say(f"{_SPANISH} is not there: `make {_SPANISH}` compiles it.")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    started = time.process_time()
    with tempfile.TemporaryDirectory(prefix="golden-") as work:
        series = read_series(data)
        about = {**_about(), "files": series.digests, "only": only}
        (folder / ABOUT).write_text(json.dumps(about, indent=1))
        _record_all(folder, data, series, Path(work), only)
    _say(f"recorded in {time.process_time() - started:.0f} CPU s: {folder}")
    return 0


def _record_all(folder: Path, data: Path, series: Series, work: Path, only: str) -> None:
    import ml

    ml.set_threads(1)
    places = {str(work): "<work>"}

    def keep(part: str, make: Callable[[], Any]) -> None:
        started = time.process_time()
        text = json.dumps(masked(make(), places), indent=0, ensure_ascii=False, allow_nan=False)
        (folder / f"{part}.json").write_text(text)
        _say(f"{part}: {time.process_time() - started:.1f} CPU s, {len(text) / 1e6:.1f} MB")

    parts: dict[str, Callable[[], Any]] = {
        "basics": lambda: library.basics(series, work / "basics"),
        "backtests": lambda: library.backtests(series, work / "backtests"),
        "comparisons": lambda: library.comparisons(series, work / "comparisons"),
        "scored": lambda: library.scored(series),
    }
    for name, families in _TRAINED.items():
        for family in families:
            parts[f"{name}-{family}"] = _training(series, name, family, work)
    for part, make in parts.items():
        if fnmatchcase(part, only):
            keep(part, make)
    # A read makes no sense without the story before it.
    if any(fnmatchcase(part, only) for part in _SERVER):
        world = World(work / "home", NOW)
        with world.standing_still():
            keep("story", lambda: story(world, data, values_of(data), series.bob))
            for part, read in _READS.items():
                keep(part, lambda: read(world))  # noqa: B023


def _training(series: Series, name: str, family: str, work: Path) -> Callable[[], Any]:
    def make() -> dict[str, Any]:
        params = _TRAINED[name][family]
        training = trainings.Training(family, getattr(series, name), work / name, params)
        return {"training": training.facts, "answers": training.answers()}

    return make


def _about() -> dict[str, Any]:
    """What figures depend on beside the code."""
    import numpy as np
    import pandas as pd
    import torch

    command = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False)
    return {
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }


def compare(
    folder: Path,
    data: Path,
    only: str,
    against: Path | None,
    keep: Path | None,
    renamed: Path | None,
    allow: list[str],
    most: int,
) -> int:
    """0 where nothing differs that was not allowed, else 1; 2 where there is nothing to compare."""
    if not (folder / ABOUT).exists():
        _say(f"{folder} holds no recording.")
        return 2
    with tempfile.TemporaryDirectory(prefix="golden-new-") as temporary:
        new = against or keep or Path(temporary)
        if against is None and (code := record(new, data, only)):
            return code
        _tell_surroundings(folder, new)
        names = json.loads(renamed.read_text()) if renamed else {}
        parts = [part for part in PARTS if fnmatchcase(part, only)]
        outcome = Comparison(renamed=names, allowed=allow).folders(folder, new, parts)
    for difference in outcome.unexplained[:most]:
        _say(str(difference))
    _say(
        f"{outcome.values} values compared: {len(outcome.unexplained)} differ, "
        f"{len(outcome.allowed)} more may."
    )
    return 1 if outcome.unexplained else 0


def _tell_surroundings(*folders: Path) -> None:
    """Other libraries or another processor explain a difference; the files asked must be one."""
    old, new = (json.loads((folder / ABOUT).read_text()) for folder in folders)
    for name in old:
        if name != "only" and old[name] != new.get(name):
            _say(f"note: {name} was {old[name]}, is {new.get(name)}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
