"""Where tensors live and how fast a network answers. Nothing runs at import: torch is loaded by the
first function that is called, because a process that forks must not have touched it before."""

from __future__ import annotations

import importlib.util
import os
import platform
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.errors import DeviceUnavailable
from ml.graph import active_paths
from ml.networks.inference import optimize_model_for_inference

if TYPE_CHECKING:
    import torch

__all__ = [
    "get_device",
    "get_gpu_info",
    "optimize_model_for_inference",
    "print_gpu_status",
    "set_seeds",
    "set_threads",
    "to_device",
]


def _accelerators() -> list[str]:
    """Kinds of accelerators that this torch can use on this machine, best first."""
    import torch

    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        found.append("xpu")
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def get_device(wish: str | None = None) -> torch.device:
    """The device to compute on: CUDA, then other accelerators, else the CPU.

    `wish` ("cpu", "cuda", "cuda:1", "xpu", "mps") overrides; DeviceUnavailable is raised when it
    cannot be met, so that nobody waits for a CPU in the belief of using a GPU.
    """
    import torch

    here = [*_accelerators(), "cpu"]
    if not wish or wish == "auto":
        return torch.device(here[0])
    try:
        device = torch.device(wish)
    except RuntimeError:
        device = None
    counts = torch.cuda.device_count() if "cuda" in here else 1
    if device is None or device.type not in here or (device.index or 0) >= max(counts, 1):
        raise DeviceUnavailable(
            f"The device {wish!r} is not here; this machine has {', '.join(here)}.",
            {"device": f"choose one of: {', '.join(here)}"},
        )
    return device


def device_name(wish: str | None = None) -> str:
    """The same by name ("cpu", "cuda:1"). For the CPU torch need not be asked."""
    return wish if wish == "cpu" else str(get_device(wish))


def to_device(obj: Any, device: torch.device | str) -> Any:
    """Move a tensor, a module, or any nesting of dicts, lists and tuples of them. Whatever cannot
    be moved comes back as it is."""
    if hasattr(obj, "to") and callable(obj.to):
        return obj.to(device)
    if isinstance(obj, Mapping):
        return {key: to_device(value, device) for key, value in obj.items()}
    if isinstance(obj, tuple) and hasattr(obj, "_fields"):
        return type(obj)(*(to_device(value, device) for value in obj))
    if isinstance(obj, list | tuple):
        return type(obj)(to_device(value, device) for value in obj)
    return obj


def set_seeds(seed: int) -> None:
    """Fix every source of chance: Python, numpy, torch on every device."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def set_threads(count: int) -> None:
    """Threads of one operation (torch's own; OpenMP reads its variables only when it loads)."""
    import torch

    torch.set_num_threads(max(1, count))


def get_gpu_info() -> dict[str, Any]:
    """What this process computes on, as plain JSON. Memory in bytes, None where there is no GPU."""
    import torch

    device = get_device()
    present = [
        name
        for name, module in (
            ("onnxruntime", "onnxruntime"),
            ("intel_extension", "intel_extension_for_pytorch"),
        )
        if importlib.util.find_spec(module) is not None
    ]
    # Plain PyTorch uses oneDNN by itself; the rest only through optimize_model_for_inference, which
    # forecasts take with the first answer of a model.
    active = ["onednn"] if torch.backends.mkldnn.is_available() else []
    active += active_paths()
    return {
        "type": device.type,
        "name": _name_of(device),
        "count": torch.cuda.device_count() if device.type == "cuda" else 1,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        **_memory_of(device),
        "accelerators": _accelerators(),
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "optimisations": active,
        "optimisations_available": present,
    }


def _name_of(device: torch.device) -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "xpu":
        return torch.xpu.get_device_name(device)
    return _processor() or platform.processor() or platform.machine()


def _processor() -> str:
    """The processor's name where the system tells it (Linux)."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), "")


def _memory_of(device: torch.device) -> dict[str, int | None]:
    import torch

    if device.type != "cuda":
        return {"memory_total": None, "memory_free": None, "memory_allocated": None}
    free, total = torch.cuda.mem_get_info(device)
    return {
        "memory_total": total,
        "memory_free": free,
        "memory_allocated": torch.cuda.memory_allocated(device),
    }


def print_gpu_status() -> None:
    """The same for a person."""
    info = get_gpu_info()
    lines = [
        ("Device", f"{info['type']} ({info['name']})"),
        ("Threads", f"{info['threads']} of {info['cores']} cores"),
        ("PyTorch", f"{info['torch']}, CUDA {info['cuda'] or 'not built in'}"),
        ("Accelerators", ", ".join(info["accelerators"]) or "none found, the CPU is used"),
        ("Optimisations", ", ".join(info["optimisations"]) or "none"),
        ("Also available", ", ".join(info["optimisations_available"]) or "none"),
    ]
    if info["memory_total"] is not None:
        total, free = info["memory_total"] / 2**30, info["memory_free"] / 2**30
        lines.insert(1, ("GPU memory", f"{total - free:.1f} of {total:.1f} GiB in use"))
    for name, value in lines:
        print(f"{name + ':':<18}{value}")
