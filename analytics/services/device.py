"""On what this machine computes, told without torch in the process that tells it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from typing import Any

from django.conf import settings

import ml

logger = logging.getLogger(__name__)
_asking = threading.Lock()
_known: dict[str, Any] = {}


def device_here() -> dict[str, Any]:
    """Found out in this process, which loads torch for it."""
    return ml.get_gpu_info()


def device_report() -> None:
    """Print the same for a person."""
    ml.print_gpu_status()


def device_of_child() -> dict[str, Any]:
    """Found out by a process of its own: torch in one that only answers is 190 MB too many, and in
    a worker poisons what is forked from it. Raises OSError, subprocess.SubprocessError and
    ValueError."""
    done = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), "device_info", "--json"],
        cwd=settings.BASE_DIR,
        capture_output=True,
        timeout=120,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def device_info() -> dict[str, Any]:
    """What this process answers on. Without a GPU nothing of it changes, and a child says it once;
    with one, whose memory does, it is found out here."""
    if "torch" in sys.modules:
        return device_here()
    with _asking:
        if not _known:
            try:
                _known.update(device_of_child())
            except (OSError, subprocess.SubprocessError, ValueError):
                logger.exception("no child could say on what this machine computes")
                return device_here()
    if _known["type"] != "cpu":
        return device_here()
    return {**_known, "optimisations": [*_known["optimisations"], *ml.active_paths()]}
