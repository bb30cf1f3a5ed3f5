"""A few networks of one family that answer together, and the scaler of their static inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ml.forecast.features import Inputs
from ml.forecast.metrics import LEVELS
from ml.forecast.nets import mixture_quantiles
from ml.inference import optimize_model_for_inference

_CHUNK = 8192
_LIMIT = 6.0


@dataclass(frozen=True)
class StaticScaler:
    """Standardises static inputs by `centre` and `width` (features,); what is unknown becomes 0,
    the mean."""

    centre: np.ndarray
    width: np.ndarray

    @classmethod
    def fit(cls, static: np.ndarray, odd: np.ndarray) -> StaticScaler:
        """Learn from `static` (n, features); `odd` (features,) marks inputs whose sign means a
        direction: their zero stays zero."""
        known = np.isfinite(static)
        count = np.maximum(known.sum(axis=0), 1)
        filled = np.where(known, static, 0.0)
        centre = np.where(odd, 0.0, filled.sum(axis=0) / count)
        square = np.where(known, (filled - centre) ** 2, 0.0).sum(axis=0) / count
        width = np.where(square > 1e-8, np.sqrt(square), 1.0)
        return cls(centre.astype("float32"), width.astype("float32"))

    def __call__(self, static: np.ndarray) -> np.ndarray:
        """(m, features) standardised and clipped, float32."""
        scaled = np.minimum(np.maximum((static - self.centre) / self.width, -_LIMIT), _LIMIT)
        return np.where(np.isnan(scaled), 0.0, scaled).astype("float32")


class Ensemble:
    """Averages the quantiles of its members (Lakshminarayanan, Pritzel, Blundell 2017)."""

    def __init__(
        self, members: Sequence[nn.Module], scaler: StaticScaler, device: torch.device
    ) -> None:
        self.members = [m.to(device).eval() for m in members]
        self.scaler, self.device = scaler, device

    def tensors(self) -> dict[str, Tensor]:
        """Everything learnt, by name, for an artifact."""
        named = {
            f"member{k}.{name}": value.detach().cpu()
            for k, member in enumerate(self.members)
            for name, value in member.state_dict().items()
        }
        named["static.centre"] = torch.from_numpy(self.scaler.centre)
        named["static.width"] = torch.from_numpy(self.scaler.width)
        return named

    @classmethod
    def restore(
        cls, members: Sequence[nn.Module], tensors: Mapping[str, Tensor], device: torch.device
    ) -> Ensemble:
        """Fill freshly built `members` from what `tensors` gave. Raises KeyError or RuntimeError
        where they do not fit."""
        for k, member in enumerate(members):
            head = f"member{k}."
            own = {n.removeprefix(head): t for n, t in tensors.items() if n.startswith(head)}
            member.load_state_dict(own)
        scaler = StaticScaler(tensors["static.centre"].numpy(), tensors["static.width"].numpy())
        return cls(members, scaler, device)

    def arrays(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Windows, scaled static inputs and paths: what a network is called with."""
        return inputs.windows, self.scaler(inputs.static), inputs.paths

    def quantiles(self, inputs: Inputs) -> np.ndarray:
        """(m, horizons, levels) quantiles of the move, in the inputs' scale."""
        arrays, parts = self.arrays(inputs), []
        for start in range(0, len(inputs.scale), _CHUNK):
            chunk = [torch.from_numpy(a[start : start + _CHUNK]).to(self.device) for a in arrays]
            parts.append(np.mean([network_quantiles(m, chunk) for m in self.members], axis=0))
        return np.concatenate(parts)


def network_quantiles(network: Callable[..., Any], inputs: Sequence[Tensor]) -> np.ndarray:
    """(m, horizons, levels) quantiles of the move by one network in eval mode."""
    with torch.inference_mode():
        logit, knots = network(*inputs)
        return _mixed(torch.sigmoid(logit).cpu().numpy(), knots.cpu().numpy())


def _mixed(change: np.ndarray, knots: np.ndarray) -> np.ndarray:
    return mixture_quantiles(change.astype("float64"), knots.astype("float64"), LEVELS)


class _Together(nn.Module):
    """All members on the same inputs, one after the other along the batch."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, window: Tensor, static: Tensor, paths: Tensor) -> tuple[Tensor, Tensor]:
        logits, knots = zip(*(m(window, static, paths) for m in self.members), strict=True)
        return torch.cat(logits), torch.cat(knots)


class QuickEnsemble:
    """Answers as `Ensemble.quantiles` does, in the fastest way that this machine has for a few
    origins; the way is found on the `example`."""

    def __init__(self, ensemble: Ensemble, example: Inputs) -> None:
        self.ensemble = ensemble
        self._call = optimize_model_for_inference(
            _Together(ensemble.members),
            tuple(torch.from_numpy(a).to(ensemble.device) for a in ensemble.arrays(example)),
        )

    def quantiles(self, inputs: Inputs) -> np.ndarray:
        """(m, horizons, levels) quantiles of the move, in the inputs' scale."""
        logit, knots = self._call.arrays(*self.ensemble.arrays(inputs))
        found = _mixed(torch.from_numpy(logit).sigmoid().numpy(), knots)
        members = len(self.ensemble.members)
        total: np.ndarray = found.reshape(members, -1, *found.shape[1:]).sum(axis=0)
        return total / members
